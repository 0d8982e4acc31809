//! The process of the browser. It talks over pipes, so no port is open; it ends when they close, whatever becomes of us; and a
//! watcher waits for our end and takes away what it leaves: processes and the profile.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reflow_pack_sdk::AtExit;

use crate::protocol::{Hear, Talk};
use crate::settings::Settings;

/// Names that browsers have.
const NAMES: [&str; 6] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell"];
const MAC: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// Hears from the browser which group of processes it is, then waits for the end of its input, which is our end; then ends the group
/// and removes the profile.
const WATCHER: &str = r#"
trap '' TERM INT HUP
read -r group
[ -z "$group" ] || read -r _
n=0
while [ -n "$group" ] && kill -s 0 -- "-$group" 2>/dev/null; do
    n=$((n + 1))
    if [ "$n" -eq 10 ]; then kill -s TERM -- "-$group" 2>/dev/null; fi
    if [ "$n" -ge 20 ]; then kill -s KILL -- "-$group" 2>/dev/null; fi
    if [ "$n" -ge 60 ]; then break; fi
    sleep 0.05
done
n=0
while [ -n "$1" ] && [ -e "$1" ] && [ "$n" -lt 40 ]; do
    rm -rf -- "$1" 2>/dev/null
    n=$((n + 1))
    if [ -e "$1" ]; then sleep 0.05; fi
done
"#;

/// A browser that runs.
pub(crate) struct Chrome {
    child: Child,
    watcher: Child,
    /// Closed, it tells the watcher.
    life: Option<File>,
    _at_exit: AtExit,
}

/// What the browser reads: texts that a zero byte ends.
pub(crate) struct PipeTo(File);

impl Talk for PipeTo {
    fn say(&mut self, text: &[u8]) -> io::Result<()> {
        self.0.write_all(&[text, &[0]].concat())
    }
}

/// What the browser writes.
pub(crate) struct PipeFrom(BufReader<File>);

impl Hear for PipeFrom {
    fn hear(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        self.0.read_until(0, &mut text).ok()?;
        // What was cut off is nothing.
        (text.pop()? == 0).then_some(text)
    }
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

/// What a browser is told and tells through.
pub(crate) type Pipes = (PipeTo, PipeFrom);

impl Chrome {
    /// Starts a browser.
    pub(crate) fn start(settings: &Settings) -> Result<(Self, Pipes), String> {
        let program = find(settings)?;
        let failed = |error: io::Error| format!("the browser cannot be started: {}: {error}", program.display());
        let fresh = if settings.profile.is_none() { Some(fresh_profile().map_err(failed)?) } else { None };
        let profile = settings.profile.as_ref().or(fresh.as_ref()).cloned().unwrap_or_default();
        let start = || -> io::Result<(Self, Pipes)> {
            let (its_input, to) = pipe()?;
            let (from, its_output) = pipe()?;
            let (its_life, life) = pipe()?;
            // First of all, so that there is no moment in which our end would leave something.
            let mut watcher = watch(its_life, fresh.as_deref())?;
            let started = make_folder(fresh.as_deref()).and_then(|()| {
                let mut command = Command::new(&program);
                command
                    .args(words(settings, &profile))
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
                let (input, output, life) = (its_input.as_raw_fd(), its_output.as_raw_fd(), life.as_raw_fd());
                // SAFETY: only calls that are allowed between fork and exec, on files that are open.
                unsafe {
                    command.pre_exec(move || {
                        if libc::setsid() < 0 {
                            return Err(io::Error::last_os_error());
                        }
                        tell_group(life)?;
                        if libc::dup2(input, 3) < 0 || libc::dup2(output, 4) < 0 {
                            return Err(io::Error::last_os_error());
                        }
                        Ok(())
                    });
                }
                command.spawn()
            });
            let child = match started {
                Ok(child) => child,
                Err(error) => {
                    // Which takes away what there is.
                    drop(life);
                    let _ = watcher.wait();
                    return Err(error);
                }
            };
            let (group, folder) = (child.id() as i32, fresh.clone());
            let at_exit = AtExit::new(move || {
                // SAFETY: a signal to a group that is ours, or gone.
                unsafe { libc::kill(-group, libc::SIGKILL) };
                if let Some(folder) = &folder {
                    let _ = std::fs::remove_dir_all(folder);
                }
            });
            let pipes = (PipeTo(File::from(to)), PipeFrom(BufReader::with_capacity(1 << 20, File::from(from))));
            Ok((Self { child, watcher, life: Some(File::from(life)), _at_exit: at_exit }, pipes))
        };
        start().map_err(failed)
    }
}

/// Starts the watcher of a browser that is about to be started.
fn watch(life: OwnedFd, profile: Option<&Path>) -> io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(WATCHER).arg("reflow-browser-watcher").arg(profile.unwrap_or(Path::new("")));
    command.stdin(Stdio::from(life)).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    // SAFETY: a call that is allowed between fork and exec.
    unsafe {
        command.pre_exec(|| if libc::setsid() < 0 { Err(io::Error::last_os_error()) } else { Ok(()) });
    }
    command.spawn()
}

/// Writes the number of this process and the end of the line; nothing is allocated.
fn tell_group(to: RawFd) -> io::Result<()> {
    let mut line = [b'\n'; 12];
    let mut at = line.len() - 1;
    // SAFETY: has no preconditions and cannot fail.
    let mut rest = unsafe { libc::getpid() };
    while rest > 0 {
        at -= 1;
        line[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let line = &line[at..];
    // SAFETY: the bytes are there for the call. So few are written at once or not at all.
    let written = unsafe { libc::write(to, line.as_ptr().cast(), line.len()) };
    if written == line.len() as isize { Ok(()) } else { Err(io::Error::last_os_error()) }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        // The browser ends by itself when nobody talks to it any more; the watcher sees to it.
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

/// Where a profile of our own will be.
fn fresh_profile() -> io::Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut chance = [0_u8; 8];
    getrandom::fill(&mut chance).map_err(io::Error::other)?;
    let name = format!(
        "reflow-browser-{}-{}-{:016x}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed),
        u64::from_ne_bytes(chance)
    );
    Ok(std::env::temp_dir().join(name))
}

/// Makes the folder of a profile, which must not be there.
fn make_folder(profile: Option<&Path>) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    profile.map_or(Ok(()), |profile| builder.create(profile))
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
