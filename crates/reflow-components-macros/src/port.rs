//! `#[inport(...)]` and `#[outport(...)]`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, LitStr, Result, Token};

/// `NAME: KIND, flags, "summary"`.
pub(crate) struct Port {
    pub(crate) name: String,
    kind: String,
    summary: String,
    required: bool,
    latest: bool,
    pub(crate) remembered: bool,
}

impl Parse for Port {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = word(input)?;
        input.parse::<Token![:]>()?;
        let kind = word(input)?;
        let mut port = Self { name, kind, summary: String::new(), required: false, latest: false, remembered: false };
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
                        return Err(Error::new_spanned(
                            flag,
                            "expected `required`, `latest`, `remembered` or a summary",
                        ));
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
    /// The name of the constant that holds the port's index.
    pub(crate) fn constant(&self, direction: &str) -> Ident {
        let upper: String = self
            .name
            .chars()
            .map(|letter| if letter.is_alphanumeric() { letter.to_ascii_uppercase() } else { '_' })
            .collect();
        format_ident!("{direction}_{upper}")
    }

    pub(crate) fn spec(&self) -> TokenStream {
        let Self { name, kind, summary, required, latest, .. } = self;
        quote! {
            ::reflow_components::declare::PortSpec {
                name: #name.into(),
                kind: #kind.into(),
                summary: #summary.into(),
                required: #required,
                latest: #latest,
            }
        }
    }
}

/// An identifier (keywords too) or a string.
fn word(input: ParseStream<'_>) -> Result<String> {
    if input.peek(LitStr) {
        return Ok(input.parse::<LitStr>()?.value());
    }
    Ok(input.call(Ident::parse_any)?.unraw().to_string())
}
