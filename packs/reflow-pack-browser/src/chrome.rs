//! The process of the browser. It talks over pipes, so no port is open; it ends when they close, whatever becomes of us; and a
//! watcher waits for our end and takes away what it leaves: processes and the profile.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reflow_pack_sdk::AtExit;

use crate::settings::Settings;

/// Names that browsers have.
const NAMES: [&str; 6] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell"];
const MAC: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// Waits for the end of its input, which is our end; then ends the group of processes and removes the profile.
const WATCHER: &str = r#"
trap '' TERM INT HUP
read -r _
n=0
while kill -s 0 -- "-$1" 2>/dev/null; do
    n=$((n + 1))
    if [ "$n" -eq 10 ]; then kill -s TERM -- "-$1" 2>/dev/null; fi
    if [ "$n" -ge 20 ]; then kill -s KILL -- "-$1" 2>/dev/null; fi
    if [ "$n" -ge 60 ]; then break; fi
    sleep 0.05
done
n=0
while [ -n "$2" ] && [ -e "$2" ] && [ "$n" -lt 40 ]; do
    rm -rf -- "$2" 2>/dev/null
    n=$((n + 1))
    if [ -e "$2" ]; then sleep 0.05; fi
done
"#;

/// A browser that runs.
pub(crate) struct Chrome {
    child: Child,
    watcher: Child,
    /// Closed, it tells the watcher.
    life: Option<File>,
    /// What the browser reads.
    pub(crate) to: Option<File>,
    /// What the browser writes, until somebody reads it.
    pub(crate) from: Option<File>,
    _at_exit: AtExit,
}

/// The browser on this machine.
fn find(settings: &Settings) -> Result<PathBuf, String> {
    if let Some(path) = &settings.executable {
        return if path.is_file() {
            Ok(path.clone())
        } else {
            Err(format!("config `executable`: {} is no file", path.display()))
        };
    }
    for name in ["CHROME", "CHROMIUM_PATH"] {
        if let Some(path) = std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_file()) {
            return Ok(path);
        }
    }
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let on_path = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let mut all = on_path.chain(MAC.iter().map(PathBuf::from));
    all.find(|path| path.is_file()).ok_or_else(|| {
        "no browser was found: install the Debian package `chromium`, or name one in the config (`executable`) or the environment \
         (`CHROME`)"
            .into()
    })
}

/// A pipe whose ends no other process inherits, and that are none of the first few numbers.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
    Ok((above(reader.as_raw_fd())?, above(writer.as_raw_fd())?))
}

fn above(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the number is an open file; the answer is a new one, which is ours.
    unsafe {
        let copy = libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 20);
        if copy < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(copy)) }
    }
}

impl Chrome {
    /// Starts a browser.
    pub(crate) fn start(settings: &Settings) -> Result<Self, String> {
        let program = find(settings)?;
        let failed = |what: &str, error: &io::Error| format!("the browser cannot be started: {what}: {error}");
        let profile = match &settings.profile {
            Some(profile) => profile.clone(),
            None => fresh_profile().map_err(|error| failed("no folder for its profile", &error))?,
        };
        let removed = if settings.profile.is_none() { profile.display().to_string() } else { String::new() };
        let made = (|| -> io::Result<Self> {
            let (its_input, to) = pipe()?;
            let (from, its_output) = pipe()?;
            let (its_life, life) = pipe()?;
            let mut command = Command::new(&program);
            command.args(words(settings, &profile)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let (input, output) = (its_input.as_raw_fd(), its_output.as_raw_fd());
            // SAFETY: only calls that are allowed between fork and exec, on files that are open.
            unsafe {
                command.pre_exec(move || {
                    if libc::setsid() < 0 || libc::dup2(input, 3) < 0 || libc::dup2(output, 4) < 0 {
                        return Err(io::Error::last_os_error());
                    }
                    Ok(())
                });
            }
            let mut child = command.spawn()?;
            let mut watch = Command::new("/bin/sh");
            watch.arg("-c").arg(WATCHER).arg("reflow-browser-watcher").arg(child.id().to_string()).arg(&removed);
            watch.stdin(Stdio::from(its_life)).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
            // SAFETY: as above.
            unsafe {
                watch.pre_exec(|| if libc::setsid() < 0 { Err(io::Error::last_os_error()) } else { Ok(()) });
            }
            let watcher = match watch.spawn() {
                Ok(watcher) => watcher,
                Err(error) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(error);
                }
            };
            let group = child.id() as i32;
            let folder = removed.clone();
            let at_exit = AtExit::new(move || {
                // SAFETY: a signal to a group that is ours, or gone.
                unsafe { libc::kill(-group, libc::SIGKILL) };
                if !folder.is_empty() {
                    let _ = std::fs::remove_dir_all(&folder);
                }
            });
            Ok(Self {
                child,
                watcher,
                life: Some(File::from(life)),
                to: Some(File::from(to)),
                from: Some(File::from(from)),
                _at_exit: at_exit,
            })
        })();
        made.map_err(|error| {
            if settings.profile.is_none() {
                let _ = std::fs::remove_dir_all(&profile);
            }
            failed(&program.display().to_string(), &error)
        })
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        // The browser ends by itself when nobody talks to it any more; the watcher sees to it.
        self.to = None;
        self.life = None;
        let until = Instant::now() + Duration::from_secs(6);
        while Instant::now() < until {
            let browser = self.child.try_wait();
            let watcher = self.watcher.try_wait();
            if matches!(browser, Ok(Some(_)) | Err(_)) && matches!(watcher, Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn fresh_profile() -> io::Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut chance = [0_u8; 8];
    File::open("/dev/urandom")?.read_exact(&mut chance)?;
    let name = format!(
        "reflow-browser-{}-{}-{:016x}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed),
        u64::from_ne_bytes(chance)
    );
    let folder = std::env::temp_dir().join(name);
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder)?;
    Ok(folder)
}

fn words(settings: &Settings, profile: &Path) -> Vec<String> {
    let mut words: Vec<String> = [
        "--remote-debugging-pipe",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--disable-breakpad",
        "--disable-crash-reporter",
        "--disable-extensions",
        "--hide-scrollbars",
        "--mute-audio",
        "--password-store=basic",
        "--force-device-scale-factor=1",
    ]
    .map(Into::into)
    .into();
    words.push(format!("--user-data-dir={}", profile.display()));
    words.push(format!("--window-size={},{}", settings.width, settings.height));
    if settings.is_headless {
        words.push("--headless=new".into());
    }
    if !settings.has_sandbox {
        words.push("--no-sandbox".into());
    }
    words.extend(settings.arguments.iter().cloned());
    words.push("about:blank".into());
    words
}
