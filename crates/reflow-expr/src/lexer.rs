//! Text to tokens.

use std::sync::Arc;

use crate::error::{Fault, Outcome};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Number(f64),
    String(Arc<str>),
    Name(Arc<str>),
    /// An operator or bracket.
    Sign(&'static str),
    /// A piece of a template string; `last` when the closing backtick follows, else an expression does.
    Chunk {
        text: Arc<str>,
        first: bool,
        last: bool,
    },
    End,
}

/// A token and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Spanned {
    pub(crate) token: Token,
    pub(crate) at: u32,
}

/// Operators and brackets, longest first where one begins like another.
const SIGNS: &[&str] = &[
    "===", "!==", "**=", "...", ">>>", "<<=", ">>=", "&&=", "||=", "??=", "=>", "==", "!=", "<=", ">=", "&&", "||",
    "??", "?.", "**", "++", "--", "+=", "-=", "*=", "/=", "%=", "<<", ">>", "+", "-", "*", "/", "%", "<", ">", "!",
    "~", "&", "|", "^", "?", ":", ",", ".", "(", ")", "=",
];
const BRACKETS: &[&str] = &["[", "]", "{", "}", ";"];

pub(crate) fn tokenize(source: &str) -> Outcome<Vec<Spanned>> {
    let mut lexer = Lexer { source, at: 0, tokens: Vec::new(), braces: vec![0] };
    while lexer.next()? {}
    let at = lexer.at as u32;
    lexer.tokens.push(Spanned { token: Token::End, at });
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    tokens: Vec<Spanned>,
    /// Open braces in each template string that we are inside of, outermost first; the first entry is the text itself.
    braces: Vec<u32>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn push(&mut self, start: usize, token: Token) {
        self.tokens.push(Spanned { token, at: start as u32 });
    }

    fn next(&mut self) -> Outcome<bool> {
        self.skip_blank()?;
        let start = self.at;
        let Some(first) = self.peek() else {
            return if self.braces.len() == 1 {
                Ok(false)
            } else {
                Err(Fault::syntax("a template string is not closed").at(start as u32))
            };
        };
        let digit_follows = self.rest()[first.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
        match first {
            '0'..='9' => self.number()?,
            '.' if digit_follows => self.number()?,
            '"' | '\'' => {
                self.at += 1;
                let text = self.quoted(first, start)?;
                self.push(start, Token::String(text.into()));
            }
            '`' => {
                self.at += 1;
                self.chunk(start, true)?;
            }
            '}' if self.braces.len() > 1 && self.braces.last() == Some(&0) => {
                self.at += 1;
                self.braces.pop();
                self.chunk(start, false)?;
            }
            c if c.is_alphabetic() || c == '_' || c == '$' => {
                let length = self
                    .rest()
                    .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                    .unwrap_or(self.rest().len());
                self.at += length;
                self.push(start, Token::Name(self.source[start..self.at].into()));
            }
            _ => self.sign(start, first)?,
        }
        Ok(true)
    }

    fn sign(&mut self, start: usize, first: char) -> Outcome<()> {
        let mut sign = SIGNS.iter().chain(BRACKETS).find(|sign| self.rest().starts_with(**sign)).copied();
        if sign == Some("?.") && self.rest()[2..].starts_with(|c: char| c.is_ascii_digit()) {
            // `a?.5:b` is a choice.
            sign = Some("?");
        }
        let Some(sign) = sign else {
            return Err(Fault::syntax(format!("the character `{first}` has no meaning here")).at(start as u32));
        };
        if let Some(open) = self.braces.last_mut() {
            match sign {
                "{" => *open += 1,
                "}" => *open = open.saturating_sub(1),
                _ => {}
            }
        }
        self.at += sign.len();
        self.push(start, Token::Sign(sign));
        Ok(())
    }

    fn skip_blank(&mut self) -> Outcome<()> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let end =
                    trimmed.find("*/").ok_or_else(|| Fault::syntax("a comment is not closed").at(self.at as u32))?;
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn number(&mut self) -> Outcome<()> {
        let start = self.at;
        let rest = self.rest();
        let radix = match rest.get(..2) {
            Some("0x" | "0X") => 16,
            Some("0o" | "0O") => 8,
            Some("0b" | "0B") => 2,
            _ => 10,
        };
        let bytes = rest.as_bytes();
        let digits = |mut from: usize| {
            while bytes.get(from).is_some_and(|b| (*b as char).is_digit(radix) || *b == b'_') {
                from += 1;
            }
            from
        };
        let mut length = digits(if radix == 10 { 0 } else { 2 });
        if radix == 10 {
            if bytes.get(length) == Some(&b'.') {
                length = digits(length + 1);
            }
            if matches!(bytes.get(length), Some(b'e' | b'E')) {
                let signed = length + 1 + usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
                let end = digits(signed);
                if end > signed {
                    length = end;
                }
            }
        }
        let text = rest[..length].replace('_', "");
        let follows_name = rest[length..].starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        let value = if radix == 10 { text.parse().ok() } else { crate::number::from_digits(&text[2..], radix) };
        match value {
            Some(value) if !follows_name => {
                self.at += length;
                self.push(start, Token::Number(value));
                Ok(())
            }
            _ => Err(Fault::syntax("this number is not well formed").at(start as u32)),
        }
    }

    fn quoted(&mut self, quote: char, start: usize) -> Outcome<String> {
        let mut text = String::new();
        loop {
            match self.peek() {
                Some(c) if c == quote => {
                    self.at += 1;
                    return Ok(text);
                }
                None | Some('\n') => return Err(Fault::syntax("a string is not closed").at(start as u32)),
                Some('\\') => self.escape(&mut text)?,
                Some(c) => {
                    self.at += c.len_utf8();
                    text.push(c);
                }
            }
        }
    }

    fn chunk(&mut self, start: usize, first: bool) -> Outcome<()> {
        let mut text = String::new();
        let last = loop {
            if self.rest().starts_with("${") {
                self.at += 2;
                self.braces.push(0);
                break false;
            }
            match self.peek() {
                Some('`') => {
                    self.at += 1;
                    break true;
                }
                None => return Err(Fault::syntax("a template string is not closed").at(start as u32)),
                Some('\\') => self.escape(&mut text)?,
                Some(c) => {
                    self.at += c.len_utf8();
                    text.push(c);
                }
            }
        };
        self.push(start, Token::Chunk { text: text.into(), first, last });
        Ok(())
    }

    fn escape(&mut self, text: &mut String) -> Outcome<()> {
        let start = self.at;
        let bad = || Fault::syntax("this escape is not well formed").at(start as u32);
        self.at += 1;
        let escaped = self.peek().ok_or_else(bad)?;
        self.at += escaped.len_utf8();
        match escaped {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'v' => text.push('\u{b}'),
            '0' => text.push('\0'),
            '\n' => {}
            'x' => {
                let code = self.hex(2).ok_or_else(bad)?;
                text.push(char::from_u32(code).ok_or_else(bad)?);
            }
            'u' => {
                let code = self.unicode().ok_or_else(bad)?;
                // Half a surrogate pair has no place in text.
                text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            other => text.push(other),
        }
        Ok(())
    }

    fn unicode(&mut self) -> Option<u32> {
        if self.rest().starts_with('{') {
            let length = self.rest().find('}')?;
            let code = u32::from_str_radix(self.rest().get(1..length)?, 16).ok()?;
            self.at += length + 1;
            return char::from_u32(code).map(u32::from);
        }
        let high = self.hex(4)?;
        if (0xd800..0xdc00).contains(&high) && self.rest().starts_with("\\u") {
            let back = self.at;
            self.at += 2;
            match self.hex(4) {
                Some(low) if (0xdc00..0xe000).contains(&low) => {
                    return Some(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
                }
                _ => self.at = back,
            }
        }
        Some(high)
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let text = self.rest().get(..digits).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let code = u32::from_str_radix(text, 16).ok()?;
        self.at += digits;
        Some(code)
    }
}
