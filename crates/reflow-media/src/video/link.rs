//! Addresses of videos on sites that show them.

use std::borrow::Cow;

/// A video on a site.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Embedded<'a> {
    /// What the site calls it; `None` where the address does not tell.
    pub(super) id: Option<&'a str>,
    /// The address of a player, or the one that was given.
    pub(super) player: Cow<'a, str>,
}

/// A video on `YouTube`.
pub(super) fn youtube(address: &str) -> Embedded<'_> {
    let id = parameter(address, "v").or_else(|| after(address, "youtu.be/")).or_else(|| after(address, "/embed/"));
    embedded(address, id, "https://www.youtube.com/embed/")
}

/// A video on Vimeo.
pub(super) fn vimeo(address: &str) -> Embedded<'_> {
    let path = address.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    let id = (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())).then_some(last);
    embedded(address, id, "https://player.vimeo.com/video/")
}

fn embedded<'a>(address: &'a str, id: Option<&'a str>, player: &str) -> Embedded<'a> {
    Embedded { id, player: id.map_or(address.into(), |id| format!("{player}{id}").into()) }
}

/// A parameter of the query, as far as it is an id.
fn parameter<'a>(address: &'a str, name: &str) -> Option<&'a str> {
    let query = address.split_once('?')?.1;
    let query = query.split('#').next().unwrap_or(query);
    query.split('&').find_map(|member| member.strip_prefix(name)?.strip_prefix('=')).and_then(id)
}

/// What follows a part of the address, as far as it is an id.
fn after<'a>(address: &'a str, part: &str) -> Option<&'a str> {
    address.split_once(part).and_then(|(_, rest)| id(rest))
}

/// The letters, digits, `-` and `_` at the beginning of a text, if there are any.
fn id(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

/// What a live stream is sent as, by its address.
pub(super) fn stream_type(address: &str) -> &'static str {
    let address = address.to_lowercase();
    match (address.contains(".m3u8"), address.contains(".mpd")) {
        (true, _) => "hls",
        (_, true) => "dash",
        _ => "auto",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_where_they_stand() {
        for (address, id) in [
            ("https://www.youtube.com/watch?list=a&v=d_Q-1#t=3", Some("d_Q-1")),
            ("https://www.youtube.com/watch?nov=abc", None),
            ("https://youtu.be/x?y=1", Some("x")),
            ("https://www.youtube.com/watch?v=", None),
        ] {
            assert_eq!(youtube(address).id, id, "{address}");
        }
        assert_eq!(vimeo("https://vimeo.com/123/?a=b").player, "https://player.vimeo.com/video/123");
        assert_eq!(vimeo("https://vimeo.com/").id, None);
        assert_eq!(["a.M3U8", "a.mpd?x", "a.mp4"].map(stream_type), ["hls", "dash", "auto"]);
    }
}
