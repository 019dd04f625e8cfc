//! `boxwood agent-context`: the command line as data, for programs that use it.

use std::collections::BTreeSet;

use clap::{Arg, Args, Command};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Failure;
use crate::failure::KINDS;
use crate::output::Output;

/// The shapes of what commands print with `--json`: JSON schemas by command, and the parts they share.
const SHAPES: &str = include_str!("shapes.json");

/// Variables that every command reads which speaks to a server, and those for terminals.
const VARIABLES: [(&str, &str); 6] = [
    ("BOXWOOD_URL", "the server, unless --url is given; else TILEBOX_API_URL"),
    ("BOXWOOD_API_KEY", "the key to show the server, unless --api-key is given; else TILEBOX_API_KEY"),
    ("BOXWOOD_CA_CERTIFICATE", "a PEM file of authorities to trust besides those of the system"),
    ("NO_COLOR", "no colour on terminals if it is set"),
    ("TZ", "the time zone of times that are shown and read"),
    ("COLUMNS", "the width of help texts"),
];

/// Which command to describe.
#[derive(Args, Debug)]
pub(crate) struct AgentContextArgs {
    /// The command, such as `job list`; all of them if left out
    #[arg(value_name = "COMMAND")]
    path: Vec<String>,
    /// Print the JSON schema of what the command prints with --json
    #[arg(long)]
    output_schema: bool,
}

#[derive(Serialize)]
struct Context {
    version: &'static str,
    #[serde(flatten)]
    command: Described,
    environment: Vec<Value>,
    exit_statuses: Vec<Value>,
    /// What standard error holds if a command with --json fails.
    error_schema: Value,
}

/// A command and those below it.
#[derive(Serialize)]
struct Described {
    /// The words that call it.
    command: String,
    about: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    arguments: Vec<Parameter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<Parameter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    commands: Vec<Described>,
}

/// An argument or an option.
#[derive(Serialize)]
struct Parameter {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    short: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    help: String,
    /// What its value is called; none if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    required: bool,
    multiple: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    /// The values there are, if they are few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
}

/// Describes a command of `program`.
pub(crate) fn run(args: &AgentContextArgs, mut program: Command) -> Result<(), Failure> {
    program.build();
    let output = Output::new(true);
    let words: Vec<&str> = args.path.iter().flat_map(|words| words.split_whitespace()).collect();
    let words: Vec<&str> = words.into_iter().skip_while(|word| *word == "boxwood").collect();
    let mut command = &program;
    let mut path = Vec::new();
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| unknown(command, word))?;
        path.push(command.get_name());
    }
    if args.output_schema {
        return output.value(&schema(&path.join(" "))?);
    }
    let statuses = KINDS.iter().map(|(status, code, text)| json!({"status": status, "code": code, "meaning": text}));
    output.value(&Context {
        version: env!("CARGO_PKG_VERSION"),
        command: described(command, path.iter().fold("boxwood".to_owned(), |path, word| format!("{path} {word}"))),
        environment: VARIABLES.iter().map(|(name, text)| json!({"name": name, "meaning": text})).collect(),
        exit_statuses: statuses.collect(),
        error_schema: shapes()["$defs"]["error"].clone(),
    })
}

fn unknown(command: &Command, word: &str) -> Failure {
    let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let name = command.get_name();
    Failure::Usage(match names.is_empty() {
        true => format!("{name} has no commands, and so no {word}"),
        false => format!("{name} has no command {word}; there are {}", names.join(", ")),
    })
}

fn described(command: &Command, path: String) -> Described {
    let visible = || command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help");
    let commands = command.get_subcommands().filter(|below| below.get_name() != "help");
    Described {
        about: command.get_about().map(ToString::to_string).unwrap_or_default(),
        aliases: command.get_visible_aliases().map(str::to_owned).collect(),
        arguments: visible().filter(|arg| arg.is_positional()).map(parameter).collect(),
        options: visible()
            .filter(|arg| !arg.is_positional() && arg.get_id() != "version_flag")
            .map(parameter)
            .collect(),
        commands: commands.map(|below| described(below, format!("{path} {}", below.get_name()))).collect(),
        command: path,
    }
}

fn parameter(arg: &Arg) -> Parameter {
    let takes_value = arg.get_action().takes_values();
    let value = arg.get_value_names().map(|names| names.join(" ")).filter(|_| takes_value);
    let multiple = matches!(arg.get_action(), clap::ArgAction::Append)
        || arg.get_num_args().is_some_and(|range| range.max_values() > 1)
        || arg.get_value_delimiter().is_some();
    let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy());
    Parameter {
        name: match arg.get_long() {
            Some(long) => format!("--{long}"),
            None => value.clone().unwrap_or_else(|| arg.get_id().to_string()),
        },
        short: arg.get_short().map(|short| format!("-{short}")),
        aliases: arg.get_visible_aliases().unwrap_or_default().iter().map(|alias| format!("--{alias}")).collect(),
        help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
        value,
        required: arg.is_required_set(),
        multiple,
        default: Some(defaults.collect::<Vec<_>>().join(",")).filter(|text| takes_value && !text.is_empty()),
        values: if takes_value {
            arg.get_possible_values()
                .iter()
                .filter(|value| !value.is_hide_set())
                .map(|value| value.get_name().to_owned())
                .collect()
        } else {
            Vec::new()
        },
        environment: arg.get_env().map(|name| name.to_string_lossy().into_owned()),
    }
}

fn shapes() -> Value {
    serde_json::from_str(SHAPES).expect("a test reads it")
}

/// The schema of what a command prints, with the parts it needs; those of all commands for an empty path.
fn schema(path: &str) -> Result<Value, Failure> {
    let shapes = shapes();
    let commands = shapes["commands"].as_object().cloned().unwrap_or_default();
    if path.is_empty() {
        return Ok(json!({"commands": commands, "$defs": shapes["$defs"]}));
    }
    let Some(found) = commands.get(path) else {
        let names: Vec<&str> = commands.keys().map(String::as_str).collect();
        let all = names.join(", ");
        return Err(Failure::NotFound(format!("boxwood {path} prints no JSON; there are schemas of {all}")));
    };
    let mut needed = BTreeSet::new();
    gather(found, &shapes["$defs"], &mut needed);
    let parts: Map<String, Value> =
        needed.into_iter().map(|name| (name.clone(), shapes["$defs"][&name].clone())).collect();
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), format!("boxwood {path} --json").into());
    schema.extend(found.as_object().cloned().unwrap_or_default());
    if !parts.is_empty() {
        schema.insert("$defs".into(), parts.into());
    }
    Ok(schema.into())
}

/// The names of the parts that a schema refers to, also by way of others.
fn gather(schema: &Value, parts: &Value, needed: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str).and_then(|link| link.strip_prefix("#/$defs/"));
            if let Some(name) = name
                && needed.insert(name.to_owned())
            {
                gather(&parts[name], parts, needed);
            }
            fields.values().for_each(|field| gather(field, parts, needed));
        }
        Value::Array(values) => values.iter().for_each(|value| gather(value, parts, needed)),
        _ => (),
    }
}
