//! The line to a browser that runs already: a WebSocket to its DevTools port, on this machine or on a host that the config names.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use sha1::{Digest, Sha1};

use crate::address::Address;
use crate::protocol::{Hear, Talk};

/// A header of an answer is no longer than this.
const LONGEST_HEAD: u64 = 64 << 10;
/// What the browser tells about itself is no longer than this.
const LONGEST_VERSION: u64 = 1 << 20;
/// No message is longer: the picture of a page has a few MiB.
const LONGEST_MESSAGE: u64 = 256 << 20;
/// Says that the key of the handshake was read by somebody who knows WebSockets.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const CONTINUED: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

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
    let failed = |error: io::Error| format!("the browser at {address} does not take the connection: {error}");
    open(stream, &address.to_string(), &path, timeout).map_err(failed)
}

/// Asks a browser for the path of its WebSocket.
fn ask_for_path(address: &Address, hosts: &[String], timeout: Duration) -> Result<String, String> {
    let ask = |mut stream: TcpStream| -> io::Result<Json> {
        let question = format!("GET /json/version HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(question.as_bytes())?;
        let mut reader = BufReader::new(Patience::new(stream, timeout));
        let head = Head::read(&mut reader)?;
        head.expect(200)?;
        let length = head.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(LONGEST_VERSION);
        let mut body = Vec::new();
        reader.take(length.min(LONGEST_VERSION)).read_to_end(&mut body)?;
        serde_json::from_slice(&body).map_err(io::Error::other)
    };
    let told =
        ask(dial(address, hosts, timeout)?).map_err(|error| format!("no browser answers at {address}: {error}"))?;
    // Only the path is taken: an answer does not send us to another host.
    let path = told["webSocketDebuggerUrl"].as_str().and_then(|url| url.split_once("/devtools/browser/"));
    let (_, id) = path.ok_or_else(|| format!("what answers at {address} is no browser with DevTools"))?;
    Address::parse(&format!("ws://{address}/devtools/browser/{id}"))?.path.ok_or_else(|| "it has no path".into())
}

/// A connection that may take its time, but not for ever, however little comes at a time.
pub(crate) struct Patience {
    stream: TcpStream,
    until: Option<Instant>,
}

impl Patience {
    fn new(stream: TcpStream, timeout: Duration) -> Self {
        Self { stream, until: Some(Instant::now() + timeout) }
    }

    /// From now on it may be silent for as long as it likes.
    fn without_end(&mut self) -> io::Result<()> {
        self.until = None;
        self.stream.set_read_timeout(None)
    }
}

impl Read for Patience {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(until) = self.until {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(bad("it takes too long"));
            }
            self.stream.set_read_timeout(Some(left))?;
        }
        self.stream.read(buffer)
    }
}

/// The start line and the fields of an answer.
struct Head {
    status: u16,
    fields: Vec<(String, String)>,
}

impl Head {
    fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut reader = reader.take(LONGEST_HEAD);
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.ends_with('\n') { Ok(line.trim_end().to_string()) } else { Err(bad("it ends too early")) }
        };
        let start = line()?;
        let status = start.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| bad("it does not speak HTTP"))?;
        let mut fields = Vec::new();
        loop {
            let line = line()?;
            if line.is_empty() {
                return Ok(Self { status, fields });
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad("it does not speak HTTP"))?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_string()));
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn expect(&self, status: u16) -> io::Result<()> {
        if self.status == status { Ok(()) } else { Err(bad(&format!("it answers with status {}", self.status))) }
    }
}

fn bad(why: &str) -> io::Error {
    io::Error::other(why)
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut chance = [0; N];
    getrandom::fill(&mut chance).map_err(io::Error::other)?;
    Ok(chance)
}

/// Makes a WebSocket of a connection.
fn open(stream: TcpStream, host: &str, path: &str, timeout: Duration) -> io::Result<(Writer, Reader)> {
    let key = STANDARD.encode(random::<16>()?);
    let question = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n\r\n"
    );
    (&stream).write_all(question.as_bytes())?;
    let mut reader = BufReader::with_capacity(1 << 20, Patience::new(stream.try_clone()?, timeout));
    let head = Head::read(&mut reader)?;
    head.expect(101)?;
    let expected = STANDARD.encode(Sha1::new().chain_update(&key).chain_update(GUID).finalize());
    if head.get("sec-websocket-accept") != Some(&expected) {
        return Err(bad("it does not speak WebSocket"));
    }
    reader.get_mut().without_end()?;
    let stream = Arc::new(Mutex::new(stream));
    Ok((Writer(Arc::clone(&stream)), Reader { from: reader, to: stream }))
}

/// Writes one frame at once, so that frames of several threads do not mix.
fn write(to: &Mutex<TcpStream>, kind: u8, content: &[u8]) -> io::Result<()> {
    let mask: [u8; 4] = random()?;
    let mut frame = Vec::with_capacity(content.len() + 14);
    frame.push(0x80 | kind);
    match content.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(content.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    to.lock().unwrap_or_else(PoisonError::into_inner).write_all(&frame)
}

/// What takes texts to the browser.
pub(crate) struct Writer(Arc<Mutex<TcpStream>>);

impl Talk for Writer {
    fn say(&mut self, text: &[u8]) -> io::Result<()> {
        write(&self.0, TEXT, text)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = write(&self.0, CLOSE, &[]);
        // Which also ends the thread that listens.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).shutdown(Shutdown::Both);
    }
}

/// What brings texts from the browser.
pub(crate) struct Reader {
    from: BufReader<Patience>,
    to: Arc<Mutex<TcpStream>>,
}

impl Hear for Reader {
    fn hear(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        let mut has_begun = false;
        loop {
            let frame = Frame::read(&mut self.from, LONGEST_MESSAGE - text.len() as u64).ok()?;
            match frame.kind {
                // What begins while something else goes on, or goes on without a beginning, is no WebSocket.
                TEXT | BINARY if !has_begun => text = frame.content,
                CONTINUED if has_begun => text.extend(frame.content),
                PING => {
                    write(&self.to, PONG, &frame.content).ok()?;
                    continue;
                }
                PONG => continue,
                _ => return None,
            }
            if frame.is_last {
                return Some(text);
            }
            has_begun = true;
        }
    }
}

struct Frame {
    is_last: bool,
    kind: u8,
    content: Vec<u8>,
}

impl Frame {
    fn read(from: &mut impl Read, most: u64) -> io::Result<Self> {
        let [first, second] = bytes(from)?;
        if first & 0x70 != 0 || second & 0x80 != 0 {
            return Err(bad("it uses what was not agreed upon"));
        }
        let (is_last, kind) = (first & 0x80 != 0, first & 0x0f);
        let length = match second {
            126 => u16::from_be_bytes(bytes(from)?).into(),
            127 => u64::from_be_bytes(bytes(from)?),
            short => short.into(),
        };
        // Pings and the like are short and whole.
        if length > most || (kind >= CLOSE && (length > 125 || !is_last)) {
            return Err(bad("a message is too long"));
        }
        let mut content = Vec::new();
        from.take(length).read_to_end(&mut content)?;
        if content.len() as u64 == length { Ok(Self { is_last, kind, content }) } else { Err(bad("it ends too early")) }
    }
}

fn bytes<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

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
                    asked.push(bytes::<1>(&mut stream).unwrap()[0]);
                }
                let asked = String::from_utf8(asked).unwrap();
                let key = asked.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
                let accepted = STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize());
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
        let head = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\n\r\n";
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
        let address = address(&format!("http://{}", listener.local_addr().unwrap()));
        let dripping = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.write_all(b"H").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let told = connect(&address, &[], Duration::from_millis(300)).err().unwrap();
        assert!(told.contains("no browser answers"), "{told}");
        dripping.join().unwrap();
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
