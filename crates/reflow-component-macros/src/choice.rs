//! `#[derive(Choice)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result, Token};

use crate::doc_text;

pub(crate) fn expand(input: &DeriveInput, root: &TokenStream) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(input, "a choice is an enum of unit variants"));
    };
    let name = &input.ident;
    let (mut options, mut synonyms, mut reads, mut writes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut other, mut is_open) = (quote! { None }, false);
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, "a choice has unit variants only"));
        }
        let ident = &variant.ident;
        let mut words = vec![snake_case(&ident.to_string())];
        if let Some(attribute) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("choice")) {
            let given = attribute.parse_args_with(Punctuated::<Word, Token![,]>::parse_terminated)?;
            if given.iter().any(|word| matches!(word, Word::Other)) {
                (other, is_open) = (quote! { Some(Self::#ident) }, true);
            }
            let given: Vec<_> = given.into_iter().filter_map(Word::text).collect();
            if !given.is_empty() {
                words = given;
            }
        }
        let Some(word) = words.first().cloned() else {
            return Err(Error::new_spanned(variant, "expected #[choice(\"word\")]"));
        };
        let doc = doc_text(&variant.attrs);
        options.push(quote! { (#word, #doc) });
        synonyms.extend(words.iter().skip(1).cloned());
        reads.push(quote! { #(#words)|* => Some(Self::#ident), });
        writes.push(quote! { Self::#ident => #word, });
    }
    Ok(quote! {
        impl #root::declare::Choice for #name {
            const OPTIONS: &'static [(&'static str, &'static str)] = &[#(#options),*];
            const SYNONYMS: &'static [&'static str] = &[#(#synonyms),*];
            const IS_OPEN: bool = #is_open;

            fn from_word(word: &str) -> Option<Self> {
                match word {
                    #(#reads)*
                    _ => #other,
                }
            }

            fn word(&self) -> &'static str {
                match self { #(#writes)* }
            }
        }

        impl #root::declare::ConfigValue for #name {
            fn read(
                value: &#root::declare::Value,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                #root::declare::read_choice(value)
            }

            fn to_value(&self) -> #root::declare::Value {
                #root::declare::Choice::word(self).into()
            }

            fn schema() -> #root::declare::Value {
                #root::declare::choice_schema::<Self>()
            }
        }
    })
}

/// A word of `#[choice(...)]`, or `..` for every other word.
enum Word {
    Text(String),
    Other,
}

impl Word {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other => None,
        }
    }
}

impl Parse for Word {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(Token![..]) {
            input.parse::<Token![..]>()?;
            return Ok(Self::Other);
        }
        Ok(Self::Text(input.parse::<LitStr>()?.value()))
    }
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}
