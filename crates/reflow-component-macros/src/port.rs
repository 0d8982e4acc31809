//! `#[inport(...)]` and `#[outport(...)]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, LitStr, Result, Token, Type};

/// `NAME: KIND, flags, "summary"`.
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) span: Span,
    kind: Type,
    summary: String,
    required: bool,
    latest: bool,
    pub(crate) remembered: bool,
}

impl Parse for Port {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let span = input.span();
        let name = if input.peek(LitStr) {
            input.parse::<LitStr>()?.value()
        } else {
            input.call(Ident::parse_any)?.unraw().to_string()
        };
        input.parse::<Token![:]>()?;
        if input.peek(LitStr) {
            return Err(input.error("a kind is a type such as `Number` or `Vec3`, not a text"));
        }
        let kind = input.parse()?;
        let (summary, required, latest, remembered) = (String::new(), false, false, false);
        let mut port = Self { name, span, kind, summary, required, latest, remembered };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.peek(LitStr) {
                port.summary = input.parse::<LitStr>()?.value();
            } else if !input.is_empty() {
                let flag = input.call(Ident::parse_any)?;
                match flag.to_string().as_str() {
                    "required" => port.required = true,
                    "latest" => port.latest = true,
                    "remembered" => port.remembered = true,
                    _ => {
                        let expected = "expected `required`, `latest`, `remembered` or a summary";
                        return Err(Error::new_spanned(flag, expected));
                    }
                }
            }
        }
        if port.summary.is_empty() {
            return Err(input.error("a port needs a summary, one line for people"));
        }
        Ok(port)
    }
}

impl Port {
    /// A port that comes with the shape of a component.
    pub(crate) fn of_shape(name: &str, kind: Type, required: bool, summary: &str) -> Self {
        let (span, summary) = (Span::call_site(), summary.to_string());
        Self { name: name.to_string(), span, kind, summary, required, latest: false, remembered: false }
    }

    /// The constant that addresses the port and knows its kind.
    pub(crate) fn constant(&self, direction: &Direction, index: usize, root: &TokenStream) -> TokenStream {
        let upper = |letter: char| if letter.is_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
        let name = format_ident!("{}_{}", direction.prefix, self.name.chars().map(upper).collect::<String>());
        let (handle, kind) = (format_ident!("{}", direction.handle), &self.kind);
        quote! { const #name: #root::declare::#handle<#kind> = #root::declare::#handle::new(#index); }
    }

    /// Whether the kind is the built-in `Stream`, as far as its name says.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(&self.kind, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Stream"))
    }

    pub(crate) fn declaration(&self, root: &TokenStream) -> TokenStream {
        let Self { name, kind, summary, required, latest, .. } = self;
        quote! { #root::declare::Port::of::<#kind>(#name, #summary, #required, #latest) }
    }
}

/// One side of a component.
pub(crate) struct Direction {
    pub(crate) attribute: &'static str,
    prefix: &'static str,
    handle: &'static str,
}

pub(crate) const IN: Direction = Direction { attribute: "inport", prefix: "IN", handle: "Inport" };
pub(crate) const OUT: Direction = Direction { attribute: "outport", prefix: "OUT", handle: "Outport" };

/// The ports that `attributes` declare on one side, no two with the same name.
pub(crate) fn ports(attributes: &[Attribute], direction: &Direction) -> Result<Vec<Port>> {
    let attributes = attributes.iter().filter(|attribute| attribute.path().is_ident(direction.attribute));
    let ports: Vec<Port> = attributes.map(Attribute::parse_args).collect::<Result<_>>()?;
    for (at, port) in ports.iter().enumerate() {
        if ports[..at].iter().any(|other| other.name == port.name) {
            return Err(Error::new(port.span, format!("there is another {} `{}`", direction.attribute, port.name)));
        }
    }
    Ok(ports)
}
