//! `boxwood job submit`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use boxwood::{INPUT_BYTES_MAX, RawTask};
use clap::Args;

use super::json::JobJson;
use super::wait::{Until, completed, for_end, unless_interrupted};
use crate::Failure;
use crate::connect::Options;
use crate::text::shown;

#[derive(Args, Debug)]
pub(super) struct SubmitArgs {
    /// The name of the job [default: the name of the task]
    #[arg(long)]
    name: Option<String>,
    /// The name of its root task
    #[arg(long, value_name = "NAME")]
    task: String,
    /// The version of the task
    #[arg(long, value_name = "vN.N", default_value = "v0.0")]
    version: String,
    /// The input of the task: JSON is taken as it is, other text becomes a JSON text [default: none]
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    input: Option<String>,
    /// A file with the input, taken in the same way; - is standard input, bytes that are not text are taken as they are
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    input_file: Option<PathBuf>,
    /// The cluster that executes the task [default: the default cluster]
    #[arg(long, value_name = "SLUG")]
    cluster: Option<String>,
    /// How often the task may be executed again after a failure
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=i64::from(i32::MAX)))]
    max_retries: u32,
    /// Wait until the job has ended; the exit status tells whether it is COMPLETED
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    until: Until,
}

/// Submits a job and prints its id.
pub(super) async fn run(args: SubmitArgs, options: &Options) -> Result<(), Failure> {
    if args.until.is_given() && !args.wait {
        return Err(Failure::Usage("--stalled-timeout goes with --wait".into()));
    }
    let (output, client) = (options.output(), options.client()?);
    let input = match (args.input, args.input_file) {
        (Some(text), _) => as_json(text),
        (None, Some(path)) => read(&path)?,
        (None, None) => Vec::new(),
    };
    let name = args.name.unwrap_or_else(|| args.task.clone());
    let task = RawTask::new(args.task, &args.version)?.input(input);
    let submission =
        client.jobs().submit(name, task).max_retries(args.max_retries).cluster(args.cluster.unwrap_or_default());
    let job = submission.await?;
    if !args.wait {
        return if output.json { output.value(&JobJson::from(&job)) } else { output.line(&job.id.to_string()) };
    }
    if !output.json {
        output.line(&job.id.to_string())?;
    }
    let job = unless_interrupted(job.id, for_end(job.id, args.until, options, output)).await?;
    if output.json {
        output.value(&JobJson::from(&job))?;
    }
    completed(&job, &client, output, false).await
}

/// JSON as it is, other text as a JSON text.
fn as_json(text: String) -> Vec<u8> {
    let json = text.trim();
    match serde_json::from_str::<serde::de::IgnoredAny>(json) {
        Ok(_) => json.as_bytes().to_vec(),
        Err(_) => serde_json::Value::String(text).to_string().into_bytes(),
    }
}

/// The input in a file. The line break that ends the last line of a text belongs to the file.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    // One more byte than allowed shows that there are too many, and is enough of an endless stream. Blanks around JSON
    // do not count, so there may be more of them.
    const READ_BYTES_MAX: u64 = 16 * INPUT_BYTES_MAX as u64;
    let from = if path.as_os_str() == "-" { "standard input".to_owned() } else { shown(&path.display().to_string()) };
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(READ_BYTES_MAX).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(READ_BYTES_MAX).read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::Usage(format!("--input-file {from}: {error}")))?;
    if bytes.len() as u64 == READ_BYTES_MAX {
        return Err(Failure::Usage(format!(
            "--input-file {from}: too long; at most {INPUT_BYTES_MAX} bytes are allowed, put the data elsewhere and pass \
             where it is"
        )));
    }
    Ok(match String::from_utf8(bytes) {
        // An empty file is no input.
        Ok(text) if text.is_empty() => Vec::new(),
        Ok(mut text) => {
            if text.ends_with('\n') {
                text.pop();
                if text.ends_with('\r') {
                    text.pop();
                }
            }
            as_json(text)
        }
        Err(error) => error.into_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cli_json_is_taken_as_it_is_and_other_text_becomes_a_json_text() {
        for (text, input) in [
            (r#"{"x":  1}"#, r#"{"x":  1}"#),
            (" [1]\n", "[1]"),
            ("5", "5"),
            ("-5", "-5"),
            ("\"text\"", "\"text\""),
            ("null", "null"),
            ("text", "\"text\""),
            ("", "\"\""),
            ("{x:1}", "\"{x:1}\""),
            ("a \"b\"\n", r#""a \"b\"\n""#),
            ("1 2", "\"1 2\""),
        ] {
            assert_eq!(String::from_utf8(as_json(text.to_owned())).unwrap(), input, "{text:?}");
        }
    }

    #[test]
    fn cli_files_are_taken_the_same_way_and_bytes_as_they_are() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read_back = |bytes: &[u8]| {
            std::fs::write(file.path(), bytes).unwrap();
            read(file.path())
        };
        assert_eq!(read_back(b"{\"x\": 1}\n").unwrap(), b"{\"x\": 1}");
        assert_eq!(read_back(b"text\r\n").unwrap(), b"\"text\"");
        assert_eq!(read_back(b"").unwrap(), b"");
        assert_eq!(read_back(b"\x08\xff\x01\n").unwrap(), b"\x08\xff\x01\n");
        assert!(matches!(read_back(&[b'x'; 40_000]), Err(Failure::Usage(message)) if message.contains("2048 bytes")));
        assert!(
            matches!(read(Path::new("/nowhere/at/all")), Err(Failure::Usage(message)) if message.contains("nowhere"))
        );
    }
}
