//! Is what commands print with `--json` what `boxwood agent-context --output-schema` says? Nothing missing, nothing more.

use serde_json::{Value, json};

use crate::here::{Fail, Here, fan, here, program, run};

/// Why a value does not fit a schema, of the part of JSON Schema that the schemas use.
fn misfit(value: &Value, schema: &Value, all: &Value, place: &str) -> Option<String> {
    let wrong = |problem: String| Some(format!("{place}: {problem}"));
    if let Some(link) = schema["$ref"].as_str() {
        let part = link.strip_prefix("#/$defs/").map(|name| &all["$defs"][name]).filter(|part| part.is_object());
        let Some(part) = part else { return wrong(format!("there is no {link}")) };
        return misfit(value, part, all, place);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[choice].as_array()
            && choices.iter().all(|schema| misfit(value, schema, all, place).is_some())
        {
            return wrong(format!("{value} is none of {choices:?}"));
        }
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |allowed: &Value| allowed == kind || (allowed == "number" && kind == "integer");
    let fits = match &schema["type"] {
        Value::Null => true,
        Value::Array(kinds) => kinds.iter().any(is),
        one => is(one),
    };
    if !fits {
        return wrong(format!("{value} is {kind}, not {}", schema["type"]));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        return wrong(format!("{value} is none of {values:?}"));
    }
    if let Some(elements) = value.as_array() {
        let of = |(at, element)| misfit(element, &schema["items"], all, &format!("{place}[{at}]"));
        return elements.iter().enumerate().find_map(of);
    }
    let fields = value.as_object()?;
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if let Some(missing) = required.into_iter().find(|name| !fields.contains_key(*name)) {
        return wrong(format!("{missing} is missing in {value}"));
    }
    fields.iter().find_map(|(name, field)| {
        let place = format!("{place}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => Some(format!("{place}: is not in the schema")),
            (Value::Null, others) => misfit(field, others, all, &place),
            (property, _) => misfit(field, property, all, &place),
        }
    })
}

fn schemas() -> Value {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_boxwood"));
    let output = command.args(["agent-context", "--output-schema"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every value that a command prints fits the schema of the command. Answers the last one.
async fn fits(here: &Here, schemas: &Value, seen: &mut Vec<String>, command: &str, arguments: &[&str]) -> Value {
    let line: Vec<&str> = command.split(' ').chain(arguments.iter().copied()).chain(["--json"]).collect();
    let ran = here.boxwood(&line).await;
    let values: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!values.is_empty(), "{line:?}: {}", ran.stderr);
    let schema = &schemas["commands"][command];
    assert!(schema.is_object(), "there is no schema of {command}");
    for value in &values {
        let problem = misfit(value, schema, schemas, "$");
        assert_eq!(problem, None, "{line:?}");
    }
    seen.push(command.to_owned());
    values.into_iter().next_back().unwrap()
}

#[tokio::test]
async fn cli_10_what_commands_print_as_json_is_what_the_schemas_say() {
    let here = here().await;
    let schemas = schemas();
    let good = here.worked("good", fan(2)).await.id.to_string();
    let bad = here.worked("bad", Fail { depth: 1, text: "no".into() }).await.id.to_string();
    let file = here.file("job.svg");
    let mut seen = Vec::new();
    let mut check =
        async |command: &str, arguments: &[&str]| fits(&here, &schemas, &mut seen, command, arguments).await;

    check("cluster create", &["Big", "--slug", "big"]).await;
    let waiting = check("job submit", &["--task", "nobody.Knows", "--input", "x", "--cluster", "big"]).await;
    let waiting = waiting["id"].as_str().unwrap().to_owned();
    for id in [&good, &bad, &waiting] {
        check("job get", &[id]).await;
        check("job tree", &[id]).await;
        check("job logs", &[id, "--include-runner-attributes"]).await;
        check("job spans", &[id, "--include-runner-attributes"]).await;
    }
    check("job list", &[]).await;
    check("job list", &["--limit", "1"]).await;
    check("job wait", &[&good]).await;
    check("job wait", &[&bad]).await;
    check("job watch", &[&bad]).await;
    let top = check("top", &["--once"]).await;
    assert_eq!((&top["queues"][0]["name"], &top["queues"][0]["ready_tasks"]), (&json!("nobody.Knows"), &json!(1)));
    assert_eq!(top["jobs"][0]["waits"][0]["reason"], "no_runner_on_cluster");
    check("job visualize", &[&good]).await;
    check("job visualize", &[&good, "--out", &file]).await;
    check("job retry", &[&bad]).await;
    check("job cancel", &[&waiting]).await;
    check("cluster list", &[]).await;
    check("cluster get", &["big"]).await;
    check("cluster delete", &["big"]).await;
    check("whoami", &[]).await;
    check("docs search", &["cluster"]).await;
    let places = [here.file("exported"), here.file("other"), here.file("data")];
    check("export", &["--data-dir", &places[2], "--out", &places[0]]).await;
    check("import", &[&places[0], "--check"]).await;
    check("import", &[&places[0], "--data-dir", &places[1]]).await;

    seen.sort();
    seen.dedup();
    // The bench is looked at where it is run.
    let all: Vec<&String> = schemas["commands"].as_object().unwrap().keys().filter(|name| *name != "bench").collect();
    assert_eq!(seen.iter().collect::<Vec<_>>().len(), all.len(), "{all:?} and {seen:?}");
}

#[tokio::test]
async fn cli_10_records_and_spans_are_what_the_schemas_say() {
    let here = here().await;
    let schemas = schemas();
    let (logs, _) = crate::logs::job_with_logs(&here).await;
    let (spans, _) = crate::spans::job_with_spans(&here).await;
    let mut seen = Vec::new();
    for more in [&[][..], &["--include-runner-attributes"]] {
        let id = logs.id.to_string();
        let arguments: Vec<&str> = [id.as_str()].iter().chain(more).copied().collect();
        let json = fits(&here, &schemas, &mut seen, "job logs", &arguments).await;
        assert_eq!(json["logs"].as_array().unwrap().len(), 6);
        let id = spans.id.to_string();
        let arguments: Vec<&str> = [id.as_str()].iter().chain(more).copied().collect();
        let json = fits(&here, &schemas, &mut seen, "job spans", &arguments).await;
        assert_eq!(json["spans"].as_array().unwrap().len(), 4);
    }
}

/// What a bench printed fits.
pub(crate) fn bench_fits(figures: &Value) {
    let schemas = schemas();
    assert_eq!(misfit(figures, &schemas["commands"]["bench"], &schemas, "$"), None);
}

#[tokio::test]
async fn cli_10_the_command_line_is_described_as_data() {
    let all = run(program(&["agent-context"])).await.json();
    let names = |commands: &Value| -> Vec<String> {
        commands.as_array().unwrap().iter().map(|below| below["command"].as_str().unwrap().to_owned()).collect()
    };
    for name in ["boxwood serve", "boxwood job", "boxwood top", "boxwood whoami", "boxwood agent-context"] {
        assert!(names(&all["commands"]).contains(&name.to_owned()), "{name}");
    }
    assert_eq!(all["exit_statuses"].as_array().unwrap().len(), 9);
    assert!(all["error_schema"]["properties"]["code"].is_object());

    let list = run(program(&["agent-context", "job", "list"])).await.json();
    assert_eq!(list["command"], "boxwood job list");
    let options = list["options"].as_array().unwrap();
    let option = |name: &str| options.iter().find(|option| option["name"] == name).unwrap();
    assert_eq!(option("--sort")["values"], json!(["asc", "desc"]));
    assert_eq!(option("--limit")["default"], "100");
    assert_eq!((&option("--state")["multiple"], option("--json").get("value")), (&json!(true), None));
    assert_eq!(option("--url")["aliases"], json!(["--api-url"]));
    let get = run(program(&["agent-context", "job get"])).await.json();
    assert_eq!((&get["arguments"][0]["name"], &get["arguments"][0]["required"]), (&json!("JOB"), &json!(true)));

    let schema = run(program(&["agent-context", "job", "list", "--output-schema"])).await.json();
    assert!(schema["$defs"]["execution_stats"].is_object() && schema["$defs"].get("span").is_none(), "{schema}");
    // By another name too.
    let schema = run(program(&["agent-context", "job", "diagram", "--output-schema"])).await.json();
    assert_eq!(schema["title"], "boxwood job visualize --json");
    let ran = run(program(&["agent-context", "job", "fly"])).await;
    assert!(ran.status == 2 && ran.stderr.contains("visualize"), "{}", ran.stderr);
    let ran = run(program(&["agent-context", "serve", "--output-schema"])).await;
    assert!(ran.status == 3 && ran.stderr.contains("job list"), "{}", ran.stderr);
}
