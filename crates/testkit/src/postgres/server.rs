//! A PostgreSQL of a test's own: it can be stopped, killed and started again.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::account::Account;
use super::disk::Disk;

/// Names the folder with the programs `initdb` and `postgres`. `cargo xtask test postgres` sets this.
pub const PROGRAMS: &str = "BOXWOOD_TEST_POSTGRES_BIN";

/// The superuser of the databases.
pub const USER: &str = "boxwood";

/// Its password. Only this machine can connect.
pub const PASSWORD: &str = "of-the-tests";

/// How long a start or a stop may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a server that is told to end at once may take for that, before it is killed.
const END_WITHIN: Duration = Duration::from_secs(10);

/// How long after a look whether it has started or ended the next one follows: nothing announces it.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Kills a process when standard input ends, as it does however the test's process ends.
const WATCH: &str = r#"read -r _; kill -KILL "$1""#;

/// How a server is set up.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The size of its disk in MiB; without, it is that of the temporary folder.
    pub disk: Option<u32>,
    /// PEM files of a certificate and its key: with them connections can be encrypted.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// More settings, each `name=value`.
    pub settings: Vec<String>,
}

/// A running or stopped PostgreSQL, which ends with its owner and with the process.
pub struct Server {
    programs: PathBuf,
    account: Account,
    data: PathBuf,
    port: u16,
    settings: Vec<String>,
    running: Option<Running>,
    disk: Option<Disk>,
    // The last: it is removed when the server has ended.
    folder: TempDir,
}

impl Server {
    /// Makes a server and starts it; `None`, said loudly, if there are no programs to do that with.
    ///
    /// # Panics
    /// If there are programs, and no server comes of it.
    #[must_use]
    pub fn new(setup: &Setup) -> Option<Self> {
        let Some(programs) = std::env::var_os(PROGRAMS).filter(|folder| !folder.is_empty()) else {
            eprintln!("LEFT OUT: {PROGRAMS} names no programs of PostgreSQL; cargo xtask test postgres does");
            return None;
        };
        Some(Self::made(programs.into(), setup).unwrap_or_else(|why| panic!("no PostgreSQL of the test's own: {why}")))
    }

    /// Whether a server may have a disk of its own: who may not mount leaves such tests out.
    #[must_use]
    pub fn may_mount() -> bool {
        let tried = Command::new("unshare").args(["--mount", "sh", "-c", "mount -t tmpfs boxwood /mnt"]).output();
        tried.is_ok_and(|done| done.status.success())
    }

    fn made(programs: PathBuf, setup: &Setup) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("boxwood-pg").tempdir().map_err(|error| error.to_string())?;
        let account = Account::of(folder.path())?;
        account.own(folder.path())?;
        let mount = folder.path().join("disk");
        fs::create_dir(&mount).map_err(|error| error.to_string())?;
        let disk = setup.disk.map(|mebibytes| Disk::mount(&mount, mebibytes)).transpose()?;
        account.own(&disk.as_ref().map_or(mount.clone(), Disk::outside))?;
        let mut settings = setup.settings.clone();
        settings.push("listen_addresses=127.0.0.1".into());
        settings.push(format!("unix_socket_directories={}", folder.path().display()));
        // In its folder, and not where they would stay when it is killed.
        settings.push("dynamic_shared_memory_type=mmap".into());
        if let Some((certificate, key)) = &setup.certificate {
            let own = |file: &Path, name: &str| -> Result<String, String> {
                let copy = folder.path().join(name);
                fs::copy(file, &copy).map_err(|error| format!("{}: {error}", file.display()))?;
                let mode = fs::Permissions::from_mode(0o600);
                fs::set_permissions(&copy, mode).map_err(|error| error.to_string())?;
                account.own(&copy)?;
                Ok(copy.display().to_string())
            };
            settings.push("ssl=on".into());
            settings.push(format!("ssl_cert_file={}", own(certificate, "server.pem")?));
            settings.push(format!("ssl_key_file={}", own(key, "server.key")?));
        }
        let data = mount.join("data");
        let mut server = Self { programs, account, data, port: 0, settings, running: None, disk, folder };
        server.make_data()?;
        server.first_start()?;
        Ok(server)
    }

    fn make_data(&self) -> Result<(), String> {
        let password = self.folder.path().join("password");
        fs::write(&password, PASSWORD).map_err(|error| format!("{}: {error}", password.display()))?;
        self.account.own(&password)?;
        let mut command = self.command("initdb");
        command.args(["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--wal-segsize=1"]);
        command.arg("--username").arg(USER).arg("--pwfile").arg(&password).arg("-D").arg(&self.data);
        let made = command.stdin(Stdio::null()).output().map_err(|error| format!("initdb: {error}"))?;
        match made.status.success() {
            true => Ok(()),
            false => Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr).trim())),
        }
    }

    /// A program, to be run as its account on its disk.
    fn command(&self, program: &str) -> Command {
        let mut words = self.disk.as_ref().map(Disk::prefix).unwrap_or_default();
        words.extend(self.account.prefix());
        words.push(self.programs.join(program).display().to_string());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir("/");
        command
    }

    /// Another may take the free port before PostgreSQL does: then it is another.
    fn first_start(&mut self) -> Result<(), String> {
        let mut failed = String::new();
        for _ in 0..5 {
            let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
            self.port = free.map_err(|error| format!("no free port: {error}"))?.port();
            match self.run() {
                Ok(()) => return Ok(()),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn run(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut running = self.spawn()?;
            while running.ended()?.is_none() {
                if super::execute(&format!("{} dbname=postgres", self.address()), "SELECT 1").is_ok() {
                    self.running = Some(running);
                    return Ok(());
                }
                if Instant::now() >= deadline {
                    return Err(format!("it does not answer: {}", self.log()));
                }
                std::thread::sleep(LOOK_AGAIN);
            }
            let log = self.log();
            // After a kill a process of the one before may be about to end.
            let left = ["pre-existing shared memory", "lock file"].iter().any(|sign| log.contains(sign));
            if !left || Instant::now() >= deadline {
                return Err(format!("it does not start: {log}"));
            }
        }
    }

    fn spawn(&self) -> Result<Running, String> {
        let log = fs::File::create(self.log_file()).map_err(|error| error.to_string())?;
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.data).arg("-p").arg(self.port.to_string());
        for setting in &self.settings {
            command.arg("-c").arg(setting);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // Whatever stands before the program becomes it, so this is the process of PostgreSQL.
        let process = command.spawn().map_err(|error| format!("postgres: {error}"))?;
        let mut watch = Command::new("sh");
        watch.args(["-c", WATCH, "watch"]).arg(process.id().to_string()).stdin(Stdio::piped());
        let watch = watch.spawn().map_err(|error| format!("sh: {error}"))?;
        Ok(Running { process, watch })
    }

    /// Where it is, without a database: `host=… port=… user=… password=…`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("host=127.0.0.1 port={} user={USER} password={PASSWORD}", self.port)
    }

    /// The port on the loopback address, the same after each start.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its unix socket.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the disk of its own is, for those outside.
    #[must_use]
    pub fn disk(&self) -> Option<PathBuf> {
        self.disk.as_ref().map(Disk::outside)
    }

    /// Makes a database; answers its address.
    ///
    /// # Panics
    /// If it is not running.
    #[must_use]
    pub fn database(&self) -> String {
        super::new_database(&self.address())
    }

    /// Whether it runs: a server may end by itself.
    pub fn runs(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| running.ended().is_ok_and(|ended| ended.is_none()))
    }

    /// Stops it as an operator who is in a hurry does (`-m fast`): connections are ended, and everything is written.
    ///
    /// # Panics
    /// If it is not running, or does not end in time.
    pub fn stop(&mut self) {
        let mut running = self.running.take().expect("it runs");
        signal("-INT", running.process.id());
        assert!(running.ends_within(PATIENCE), "PostgreSQL does not stop: {}", self.log());
    }

    /// Kills it and all its processes, as if the machine had failed.
    ///
    /// # Panics
    /// If it is not running.
    pub fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
    }

    /// Starts it again on the same port, with what is on its disk.
    ///
    /// # Panics
    /// If it does not start, or runs already.
    pub fn start(&mut self) {
        assert!(!self.runs(), "it runs already");
        self.running = None;
        self.run().unwrap_or_else(|why| panic!("a PostgreSQL that has run before starts again: {why}"));
    }

    /// What it has said since it was started.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        // Immediate shutdown: it removes what is not in its folder.
        signal("-QUIT", running.process.id());
        if !running.ends_within(END_WITHIN) {
            running.kill();
        }
    }
}

struct Running {
    process: Child,
    watch: Child,
}

impl Running {
    fn ended(&mut self) -> Result<Option<ExitStatus>, String> {
        self.process.try_wait().map_err(|error| error.to_string())
    }

    fn ends_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.ended().is_ok_and(|ended| ended.is_none()) {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        true
    }

    fn kill(&mut self) {
        let id = self.process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        // An error means that it has ended.
        let _ = self.process.kill();
        children.split_whitespace().filter_map(|child| child.parse().ok()).for_each(|child| signal("-KILL", child));
        let _ = self.process.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // First the watch: the process it watches has ended, and another may get its number.
        let _ = self.watch.kill();
        let _ = self.watch.wait();
        if self.ended().is_ok_and(|ended| ended.is_none()) {
            self.kill();
        }
    }
}

/// Tells a process; one that has ended meanwhile needs not be told.
fn signal(name: &str, process: u32) {
    let _ = Command::new("kill").args([name, &process.to_string()]).stderr(Stdio::null()).status();
}
