//! `boxwood cluster`: named pools of runners.

use boxwood::Cluster;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::Failure;
use crate::connect::Options;
use crate::output::Output;
use crate::table::{column, plain, table};
use crate::text::{first_line, shown, shown_lines};

/// Clusters.
#[derive(Args, Debug)]
pub(crate) struct ClusterArgs {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: ClusterCommand,
}

#[derive(Subcommand, Debug)]
enum ClusterCommand {
    /// List the clusters
    List,
    /// Create a cluster and print its slug
    Create(CreateArgs),
    /// Show a cluster
    Get {
        /// The slug of the cluster; the default cluster if left out
        #[arg(value_name = "SLUG", default_value = "", hide_default_value = true)]
        slug: String,
    },
    /// Delete a cluster; its queued tasks stay queued
    Delete {
        /// The slug of the cluster
        #[arg(value_name = "SLUG", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        slug: String,
    },
}

#[derive(Args, Debug)]
struct CreateArgs {
    /// What people call it
    #[arg(value_name = "NAME")]
    name: String,
    /// What commands and programs call it: letters, digits and hyphens [default: made from the name]
    #[arg(long)]
    slug: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

#[derive(Serialize)]
struct ClusterJson<'a> {
    slug: &'a str,
    name: &'a str,
    description: &'a str,
    deletable: bool,
}

#[derive(Serialize)]
struct ListJson<'a> {
    clusters: Vec<ClusterJson<'a>>,
    /// Always empty: the list is complete.
    next_cursor: &'static str,
}

#[derive(Serialize)]
struct DeletedJson {
    slug: String,
    deleted: bool,
}

impl<'a> From<&'a Cluster> for ClusterJson<'a> {
    fn from(cluster: &'a Cluster) -> Self {
        Self {
            slug: &cluster.slug,
            name: &cluster.name,
            description: &cluster.description,
            deletable: cluster.deletable,
        }
    }
}

/// Runs a command; `others` are options given before the word `cluster`.
pub(crate) async fn run(args: ClusterArgs, others: Options) -> Result<(), Failure> {
    let options = args.options.or(others);
    let (output, client) = (options.output(), options.client()?);
    let clusters = client.clusters();
    match args.command {
        ClusterCommand::List => list(&clusters.list().await?, output),
        ClusterCommand::Create(args) => {
            let mut cluster = clusters.create(args.name);
            if let Some(slug) = args.slug {
                cluster = cluster.slug(slug);
            }
            if let Some(description) = args.description {
                cluster = cluster.description(description);
            }
            let cluster = cluster.await?;
            if output.json { output.value(&ClusterJson::from(&cluster)) } else { output.line(&shown(&cluster.slug)) }
        }
        ClusterCommand::Get { slug } => show(&clusters.find(slug).await?, output),
        ClusterCommand::Delete { slug } => {
            clusters.delete(slug.as_str()).await?;
            if output.json {
                return output.value(&DeletedJson { slug, deleted: true });
            }
            output.talk(&format!("deleted cluster {}", shown(&slug)));
            Ok(())
        }
    }
}

fn list(clusters: &[Cluster], output: Output) -> Result<(), Failure> {
    if output.json {
        return output.value(&ListJson { clusters: clusters.iter().map(ClusterJson::from).collect(), next_cursor: "" });
    }
    let screen = output.out;
    let text = |text: &str| plain(if screen.columns.is_some() { first_line(text) } else { shown(text) });
    let row = |cluster: &Cluster| {
        let default = if cluster.deletable { "" } else { "yes" };
        vec![plain(shown(&cluster.slug)), plain(default), text(&cluster.name), text(&cluster.description)]
    };
    let columns = [
        column("SLUG").can_be_cut(),
        column("DEFAULT"),
        column("NAME").can_be_cut(),
        column("DESCRIPTION").can_be_cut(),
    ];
    output.data(&table(screen, &columns, &clusters.iter().map(row).collect::<Vec<_>>()))
}

fn show(cluster: &Cluster, output: Output) -> Result<(), Failure> {
    if output.json {
        return output.value(&ClusterJson::from(cluster));
    }
    let mut text = format!("slug         {}\nname         {}\n", shown(&cluster.slug), shown(&cluster.name));
    text.push_str(&format!("default      {}\n", if cluster.deletable { "no" } else { "yes" }));
    for (index, line) in shown_lines(&cluster.description).enumerate() {
        let title = if index == 0 { "description" } else { "" };
        text.push_str(&format!("{title:<11}  {line}\n"));
    }
    output.data(&text)
}
