//! Telling other servers which tasks became ready, by `NOTIFY`.
//!
//! News are sent apart from the commits they are about, because a transaction that notifies keeps all others that do from
//! committing beside it. They are a courtesy: whoever waits for work looks again by itself from time to time.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use boxwood_engine::{Class, ClassKey};
use futures::StreamExt as _;
use futures::stream::poll_fn;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_postgres::{AsyncMessage, Client};

use super::address::Address;
use super::rows::{number, text};
use crate::error::Error;
use crate::writer::Wake;

/// What servers listen for.
const CHANNEL: &str = "boxwood_ready";

/// The time between two messages at least: news in between are gathered, so that a busy server sends few.
const GATHER: Duration = Duration::from_millis(2);

/// How long a database that cannot be reached is left alone.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the database may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Sends news; dropped, it also stops listening.
pub struct News {
    sender: mpsc::Sender<Vec<(u64, u64)>>,
}

impl News {
    pub(super) fn start(address: Arc<Address>, heard: impl Fn(&[Wake]) + Send + 'static) -> Result<Self, Error> {
        let unusable = |error: std::io::Error| Error::Unavailable(format!("cannot listen to the database: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unusable)?;
        let (sender, receiver) = mpsc::channel(1024);
        let thread = thread::Builder::new().name("news".into());
        thread.spawn(move || runtime.block_on(run(&address, receiver, heard))).map_err(unusable)?;
        Ok(Self { sender })
    }

    /// Tells other servers. Never waits: what cannot be sent now is not sent.
    pub fn tell(&self, wakes: &[Wake]) {
        let news = wakes.iter().map(|(class, count)| (class.key.0, *count)).collect();
        // Full: others hear of it by looking again.
        let _ = self.sender.try_send(news);
    }
}

/// Listens and tells until nobody tells any more.
async fn run(address: &Address, mut told: mpsc::Receiver<Vec<(u64, u64)>>, heard: impl Fn(&[Wake])) {
    loop {
        match serve(address, &mut told, &heard).await {
            Ok(()) => return,
            // The writer says what is wrong with the database.
            Err(error) => tracing::debug!(%error, "news from other servers are interrupted"),
        }
        if told.is_closed() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn serve(
    address: &Address,
    told: &mut mpsc::Receiver<Vec<(u64, u64)>>,
    heard: &impl Fn(&[Wake]),
) -> Result<(), Error> {
    let (client, mut connection) = address.config.connect(address.encryption.clone()).await?;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = poll_fn(move |cx| connection.poll_message(cx));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(news) = message
                && arrived.send(news.payload().to_owned()).is_err()
            {
                return;
            }
        }
    });
    answer(client.batch_execute(&format!("SET synchronous_commit = off; LISTEN {CHANNEL}"))).await?;
    let own: i32 = answer(client.query_one("SELECT pg_backend_pid()", &[])).await?.get(0);
    let notify = answer(client.prepare("SELECT pg_notify($1, line) FROM unnest($2::text[]) AS line")).await?;
    let mut classes: HashMap<u64, Arc<Class>> = HashMap::new();
    let mut counts: HashMap<u64, u64> = HashMap::new();
    let mut next = Instant::now();
    loop {
        if !counts.is_empty() && Instant::now() >= next {
            let lines: Vec<String> = counts.drain().map(|(class, count)| format!("{own} {class} {count}")).collect();
            answer(client.query(&notify, &[&CHANNEL, &lines])).await?;
            next = Instant::now() + GATHER;
        }
        tokio::select! {
            news = told.recv() => match news {
                Some(news) => add(&mut counts, news),
                None => return Ok(()),
            },
            () = tokio::time::sleep_until(next), if !counts.is_empty() => {}
            line = arrivals.recv() => {
                let Some(line) = line else {
                    return Err(Error::Unavailable("the connection was lost".into()));
                };
                if let Some((from, class, count)) = read(&line)
                    && from != own
                    && let Some(class) = find(&client, &mut classes, class).await?
                {
                    heard(&[(class, count)]);
                }
            }
        }
    }
}

async fn answer<T>(asking: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER_WITHIN, asking).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::Unavailable("the database does not answer".into())),
    }
}

fn add(counts: &mut HashMap<u64, u64>, news: Vec<(u64, u64)>) {
    for (class, count) in news {
        let sum = counts.entry(class).or_default();
        *sum = sum.saturating_add(count);
    }
}

/// Connection, class and count of a line of news.
fn read(line: &str) -> Option<(i32, u64, u64)> {
    let mut parts = line.split(' ');
    let read = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(read)
}

/// The class with this key; classes never change.
async fn find(client: &Client, known: &mut HashMap<u64, Arc<Class>>, key: u64) -> Result<Option<Arc<Class>>, Error> {
    if let Some(class) = known.get(&key) {
        return Ok(Some(class.clone()));
    }
    let sql = "SELECT key, cluster, name, version FROM class WHERE key = $1";
    let Some(row) = answer(client.query_opt(sql, &[&key.cast_signed()])).await? else { return Ok(None) };
    let version = boxwood_engine::Version::parse(&text(&row, 3)?);
    let version = version.map_err(|error| Error::Corrupt(format!("class: {error}")))?;
    let class = Arc::new(Class {
        key: ClassKey(number(&row, 0)?),
        cluster: text(&row, 1)?.into(),
        identifier: boxwood_engine::Identifier { name: text(&row, 2)?.into(), version },
    });
    known.insert(key, class.clone());
    Ok(Some(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_are_news() {
        assert_eq!(read("12 3 4"), Some((12, 3, 4)));
        for wrong in ["", "12", "12 3", "12 3 4 5", "a b c", "12 3 -1", "12  3 4"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
