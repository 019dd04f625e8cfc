//! The programs of the README. They are compiled as documentation tests of the crate.

/// The Rust programs in the README, each with its lines.
fn programs() -> Vec<Vec<&'static str>> {
    let mut programs: Vec<Vec<&str>> = Vec::new();
    let mut inside = false;
    for line in include_str!("../../../../README.md").lines() {
        match line {
            _ if line.starts_with("```rust") => {
                programs.push(Vec::new());
                inside = true;
            }
            "```" => inside = false,
            _ if inside => programs.last_mut().unwrap().push(line),
            _ => (),
        }
    }
    programs
}

#[test]
fn a_first_workflow_has_at_most_20_lines_and_fan_out_with_fan_in_at_most_40() {
    let programs = programs();
    let [hello, fan] = programs.as_slice() else { panic!("{} programs", programs.len()) };
    for (program, lines_max, parts) in
        [(hello, 20, &["#[derive(Task)]", "async fn main()"][..]), (fan, 40, &["submit_subtasks(", "depends_on("][..])]
    {
        assert!(program.len() <= lines_max, "{} lines: {program:#?}", program.len());
        let text = program.join("\n");
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        assert!(program.iter().all(|line| line.len() <= 120), "{text}");
    }
}
