//! The line to a browser that runs already: a WebSocket to its DevTools port, on this machine or on a host that the config names.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{HandshakeError, Message, Utf8Bytes, WebSocket};

use crate::address::Address;
use crate::protocol::{Hear, Talk};

/// What the browser tells about itself is no longer than this.
const LONGEST_ANSWER: u64 = 1 << 20;
/// No message is longer: the picture of a page has a few MiB.
const LONGEST_MESSAGE: usize = 256 << 20;

/// Where that is: on this machine, unless `hosts` names the host.
fn resolve(address: &Address, hosts: &[String]) -> Result<Vec<SocketAddr>, String> {
    let found = (address.host.as_str(), address.port).to_socket_addrs();
    let found: Vec<_> = found.map_err(|error| format!("{address} is not known: {error}"))?.collect();
    if !hosts.contains(&address.host) && found.iter().any(|found| !found.ip().is_loopback()) {
        return Err(format!("{address} is another machine; a browser there is used only if `connectHosts` names it"));
    }
    Ok(found)
}

fn dial(address: &Address, hosts: &[String], timeout: Duration) -> Result<TcpStream, String> {
    let mut why = "it has no address".to_string();
    for socket in resolve(address, hosts)? {
        match TcpStream::connect_timeout(&socket, timeout).and_then(|stream| {
            stream.set_write_timeout(Some(timeout))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }) {
            Ok(stream) => return Ok(stream),
            Err(error) => why = error.to_string(),
        }
    }
    Err(format!("no browser answers at {address}: {why}"))
}

/// Connects to a browser.
pub(crate) fn connect(address: &Address, hosts: &[String], timeout: Duration) -> Result<(Writer, Reader), String> {
    let path = match &address.path {
        Some(path) => path.clone(),
        None => ask_for_path(address, hosts, timeout)?,
    };
    let stream = dial(address, hosts, timeout)?;
    open(stream, &format!("ws://{address}{path}"), timeout)
        .map_err(|error| format!("the browser at {address} does not take the connection: {error}"))
}

/// Asks a browser for the path of its WebSocket.
fn ask_for_path(address: &Address, hosts: &[String], timeout: Duration) -> Result<String, String> {
    let ask = |mut stream: TcpStream| -> io::Result<Json> {
        let question = format!("GET /json/version HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(question.as_bytes())?;
        let body = read_body(Wire::new(stream, timeout))?;
        serde_json::from_slice(&body).map_err(io::Error::other)
    };
    let told =
        ask(dial(address, hosts, timeout)?).map_err(|error| format!("no browser answers at {address}: {error}"))?;
    // Only the path is taken: an answer does not send us to another host.
    let path = told["webSocketDebuggerUrl"].as_str().and_then(|url| url.split_once("/devtools/browser/"));
    let (_, id) = path.ok_or_else(|| format!("what answers at {address} is no browser with DevTools"))?;
    Address::parse(&format!("ws://{address}/devtools/browser/{id}"))?.path.ok_or_else(|| "it has no path".into())
}

/// A connection that may take its time to be made, but not for ever, however little comes at a time.
struct Wire {
    stream: TcpStream,
    until: Option<Instant>,
    /// Whose turn to write it is: texts and the answers to pings come from two threads.
    turn: Arc<Mutex<()>>,
}

impl Wire {
    fn new(stream: TcpStream, timeout: Duration) -> Self {
        Self { stream, until: Some(Instant::now() + timeout), turn: Arc::default() }
    }

    /// The same for another thread. From now on it may be silent for as long as it likes.
    fn share(&mut self) -> io::Result<Self> {
        self.until = None;
        self.stream.set_read_timeout(None)?;
        Ok(Self { stream: self.stream.try_clone()?, until: None, turn: Arc::clone(&self.turn) })
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(until) = self.until {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(bad("it takes too long"));
                }
                self.stream.set_read_timeout(Some(left))?;
            }
            match self.stream.read(buffer) {
                // A signal ends no connection, and time that is over is found at the beginning.
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                outcome => return outcome,
            }
        }
    }
}

impl Write for Wire {
    /// Writes all, since a frame comes whole and must not mix with another thread's.
    fn write(&mut self, frame: &[u8]) -> io::Result<usize> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        match self.stream.write_all(frame) {
            Ok(()) => Ok(frame.len()),
            Err(error) => {
                // Nothing can follow half a frame; nor is it tried again, as the kind of the error might say.
                let _ = self.stream.shutdown(Shutdown::Both);
                Err(io::Error::other(error))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads an answer over HTTP, and gives what follows its head.
fn read_body(wire: impl Read) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::new(wire).take(LONGEST_ANSWER);
    let mut head = Vec::new();
    let length = loop {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Err(bad("it ends too early"));
        }
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut answer = httparse::Response::new(&mut fields);
        match answer.parse(&head).map_err(|_| bad("it does not speak HTTP"))? {
            httparse::Status::Complete(_) if answer.code == Some(200) => {
                let length = answer.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
                let length = length.and_then(|field| std::str::from_utf8(field.value).ok()?.parse().ok());
                break length.unwrap_or(LONGEST_ANSWER);
            }
            httparse::Status::Complete(_) => {
                return Err(bad(&format!("it answers with status {}", answer.code.unwrap_or_default())));
            }
            httparse::Status::Partial => {}
        }
    };
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(body)
}

fn bad(why: &str) -> io::Error {
    io::Error::other(why)
}

/// Makes a WebSocket of a connection.
fn open(stream: TcpStream, url: &str, timeout: Duration) -> Result<(Writer, Reader), String> {
    let limits =
        WebSocketConfig::default().max_message_size(Some(LONGEST_MESSAGE)).max_frame_size(Some(LONGEST_MESSAGE));
    let shaken = tungstenite::client::client_with_config(url, Wire::new(stream, timeout), Some(limits));
    let (mut reader, _) = shaken.map_err(|error| match error {
        HandshakeError::Failure(tungstenite::Error::Http(answer)) => {
            format!("it answers with status {}", answer.status().as_u16())
        }
        HandshakeError::Failure(tungstenite::Error::Io(error)) => error.to_string(),
        other => format!("it does not speak WebSocket: {other}"),
    })?;
    // What came together with the handshake is in the one that shook hands, so that is the one to read from.
    let wire = reader.get_mut().share().map_err(|error| error.to_string())?;
    Ok((Writer(WebSocket::from_raw_socket(wire, Role::Client, None)), Reader(reader)))
}

/// What takes texts to the browser.
pub(crate) struct Writer(WebSocket<Wire>);

impl Talk for Writer {
    fn say(&mut self, text: &[u8]) -> io::Result<()> {
        let text = Utf8Bytes::try_from(text.to_vec()).map_err(io::Error::other)?;
        self.0.send(Message::Text(text)).map_err(io::Error::other)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.close(None);
        // Which also ends the thread that listens.
        let _ = self.0.get_ref().stream.shutdown(Shutdown::Both);
    }
}

/// What brings texts from the browser.
pub(crate) struct Reader(WebSocket<Wire>);

impl Hear for Reader {
    fn hear(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.0.read().ok()? {
                text @ (Message::Text(_) | Message::Binary(_)) => return Some(text.into_data().into()),
                Message::Close(_) => return None,
                // A ping is answered when the next message is read.
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::thread::JoinHandleExt;
    use std::thread;

    use tungstenite::handshake::derive_accept_key;

    use super::*;

    const WAIT: Duration = Duration::from_secs(10);

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn other_machines_have_to_be_named() {
        let far = address("http://192.0.2.1:9");
        assert!(resolve(&far, &[]).unwrap_err().contains("connectHosts"));
        assert!(resolve(&far, &["192.0.2.1".into()]).is_ok());
        assert!(resolve(&address("http://[::1]:9"), &[]).is_ok());
    }

    /// A server that answers each connection with one of `answers` and ends; `KEY` stands for the right answer to the handshake.
    fn server(answers: Vec<Vec<u8>>) -> (Address, thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = address(&format!("http://{}", listener.local_addr().unwrap()));
        let serving = thread::spawn(move || {
            let mut said = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    asked.push(byte[0]);
                }
                let asked = String::from_utf8(asked).unwrap();
                let key = asked.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
                let accepted = derive_accept_key(key.as_bytes());
                let at = answer.windows(3).position(|word| word == b"KEY");
                let answer = match at {
                    Some(at) => [&answer[..at], accepted.as_bytes(), &answer[at + 3..]].concat(),
                    None => answer,
                };
                stream.write_all(&answer).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                let _ = stream.read_to_end(&mut said);
            }
            said
        });
        (address, serving)
    }

    fn version(url: &str) -> Vec<u8> {
        let body = format!("{{\"webSocketDebuggerUrl\": \"{url}\"}}");
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into()
    }

    fn upgraded(frames: &[u8]) -> Vec<u8> {
        let head =
            b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n";
        [&head[..], frames].concat()
    }

    #[test]
    fn texts_come_in_pieces_and_pings_are_answered() {
        let frames = [b"\x01\x02he".to_vec(), b"\x89\x01!".to_vec(), b"\x80\x03llo".to_vec(), {
            let mut long = vec![0x81, 126];
            long.extend(300_u16.to_be_bytes());
            long.extend([b'x'; 300]);
            long
        }];
        // What a browser says of its host is not believed.
        let (address, serving) =
            server(vec![version("ws://elsewhere:1/devtools/browser/b"), upgraded(&frames.concat())]);
        let (mut writer, mut reader) = connect(&address, &[], WAIT).unwrap();
        assert_eq!(reader.hear().unwrap(), b"hello");
        assert_eq!(reader.hear().unwrap(), vec![b'x'; 300]);
        assert!(reader.hear().is_none());
        writer.say(&[b'y'; 70_000]).unwrap();
        drop((writer, reader));
        let said = serving.join().unwrap();
        let unmasked = |at: usize, mask: usize, length: usize| -> Vec<u8> {
            (0..length).map(|index| said[at + index] ^ said[mask + index % 4]).collect()
        };
        assert_eq!((said[0], said[1], unmasked(6, 2, 1)), (0x8a, 0x81, b"!".to_vec()));
        assert_eq!((said[7], said[8], &said[9..17]), (0x81, 0xff, &70_000_u64.to_be_bytes()[..]));
        assert_eq!(unmasked(21, 17, 70_000), vec![b'y'; 70_000]);
        assert_eq!(said[70_021], 0x88);
    }

    #[test]
    fn what_is_no_browser_is_refused() {
        let ok = || version("ws://x/devtools/browser/b");
        for (answers, why) in [
            (vec![b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec()], "status 404"),
            (vec![b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()], "not speak HTTP"),
            (vec![b"HTTP/1.1 200 OK\r\n".to_vec()], "too early"),
            (vec![version("ws://x/devtools/page/p")], "no browser with DevTools"),
            (vec![ok(), b"HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: no\r\n\r\n".to_vec()], "not speak WebSocket"),
            (vec![ok(), b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec()], "status 403"),
            (vec![ok(), b"HTTP/1.1 302 Found\r\nLocation: ws://x/\r\n\r\n".to_vec()], "status 302"),
            (vec![ok(), b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()], "not speak WebSocket"),
            (vec![ok(), [&b"HTTP/1.1 101 Switching\r\nA: "[..], &vec![b'a'; 100_000]].concat()], "not speak WebSocket"),
            (vec![[&b"HTTP/1.1 200 OK\r\n"[..], &vec![b'a'; 100_000]].concat()], "too early"),
        ] {
            let (address, serving) = server(answers);
            let told = connect(&address, &[], WAIT).err().unwrap();
            assert!(told.contains(why), "{told}");
            drop(serving);
        }
    }

    #[test]
    fn who_says_a_little_at_a_time_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap();
        let dripping = thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(b"HTTP/1.1 101 Switching\r\nServer: ").unwrap();
                while stream.write_all(b"H").is_ok() {
                    thread::sleep(Duration::from_millis(20));
                }
            }
        });
        for (url, why) in [
            (format!("http://{host}"), "no browser answers"),
            (format!("ws://{host}/devtools/browser/secret"), "not take the connection"),
        ] {
            let told = connect(&address(&url), &[], Duration::from_millis(300)).err().unwrap();
            assert!(told.contains(why) && told.contains("too long") && !told.contains("secret"), "{told}");
        }
        dripping.join().unwrap();
    }

    #[test]
    fn a_signal_does_not_end_the_line() {
        extern "C" fn nothing(_: libc::c_int) {}
        // Without `SA_RESTART`, as Python has its signals.
        // SAFETY: an action of zeros is a valid one, and its handler does nothing.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as *const () as usize;
            assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut wire = Wire::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap(), WAIT);
        let (mut browser, _) = listener.accept().unwrap();
        let reading = thread::spawn(move || wire.read(&mut [0; 1]));
        for _ in 0..50 {
            // SAFETY: a thread that was not joined is known, even when it has ended.
            unsafe { libc::pthread_kill(reading.as_pthread_t(), libc::SIGUSR1) };
            thread::sleep(Duration::from_millis(1));
        }
        // A reader that a signal ended has told so already, and does not hear this.
        browser.write_all(b"x").unwrap();
        assert_eq!(reading.join().unwrap().unwrap(), 1);
    }

    #[test]
    fn a_writer_that_nobody_reads_gives_up_and_ends_the_line() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let (_browser, _) = listener.accept().unwrap();
        let mut reading = Wire::new(stream, WAIT);
        let mut writer = Writer(WebSocket::from_raw_socket(reading.share().unwrap(), Role::Client, None));
        assert!(writer.say(&vec![b'x'; 64 << 20]).is_err());
        reading.until = Some(Instant::now() + WAIT);
        assert_eq!(reading.read(&mut [0; 1]).unwrap(), 0);
    }

    #[test]
    fn frames_that_lie_end_the_line() {
        for frames in [
            &b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"[..],
            b"\x81\x05abc",
            b"\x80\x01a",
            b"\x01\x01a\x81\x01b",
            b"\x09\x01a",
            b"\x89\x7e\x01\x00",
            b"\xc1\x01a",
            b"\x81\x81aaaaa",
            b"\x83\x00",
        ] {
            let (address, _serving) = server(vec![version("ws://x/devtools/browser/b"), upgraded(frames)]);
            let (_writer, mut reader) = connect(&address, &[], WAIT).unwrap();
            assert!(reader.hear().is_none(), "{frames:?}");
        }
    }
}
