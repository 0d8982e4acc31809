//! `#[derive(Component)]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Error, Expr, ExprRange, Field, Fields, LitStr, RangeLimits, Result, Token};

use crate::doc_text;
use crate::port::Port;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(input, "a component is a struct: its config and its state"));
    };
    let name = &input.ident;
    let header = Header::read(input)?;
    let text = doc_text(&input.attrs);
    if text.is_empty() {
        return Err(Error::new_spanned(name, "a component needs a doc comment: its first line is its summary"));
    }
    let inports = ports(&input.attrs, "inport")?;
    let outports = ports(&input.attrs, "outport")?;
    let examples = examples(&input.attrs)?;
    let firing = header.firing(&inports);
    let Header { id, title, category, source, asynchronous, prepare, per_node, .. } = &header;

    let constants = constants(&inports, "IN").chain(constants(&outports, "OUT"));
    let inports = inports.iter().map(Port::spec);
    let outports = outports.iter().map(Port::spec);
    let (mut keys, mut initial) = (Vec::new(), Vec::new());
    let (opening, fields) = match &data.fields {
        Fields::Named(fields) => (true, fields.named.iter().collect::<Vec<_>>()),
        Fields::Unit => (false, Vec::new()),
        Fields::Unnamed(fields) => {
            return Err(Error::new_spanned(fields, "fields need names: they are the config's keys"));
        }
    };
    for field in fields {
        let made = made_field(field)?;
        keys.extend(made.key);
        let ident = &field.ident;
        let value = made.value;
        initial.push(quote! { #ident: #value });
    }
    let made = if opening {
        quote! { Self { #(#initial),* } }
    } else {
        quote! { Self }
    };
    let prepare = prepare.then(|| quote! { if config.is_sound() { config.accept(this.prepare()); } });
    let mutable = prepare.is_some().then(|| quote! { mut });
    let firing_of_node = per_node.then(|| {
        quote! {
            fn firing_of_node(&self, connected: &[&str]) -> ::reflow_components::declare::Firing {
                self.firing(connected)
            }
        }
    });
    let wrap = if *asynchronous {
        quote! { new_async }
    } else {
        quote! { new }
    };

    Ok(quote! {
        #[allow(dead_code, reason = "a body need not look at every port")]
        impl #name {
            #(#constants)*
        }

        impl ::reflow_components::declare::Declare for #name {
            fn declaration() -> ::reflow_components::declare::Declaration {
                ::reflow_components::declare::Declaration {
                    id: #id,
                    title: #title,
                    category: #category,
                    text: #text,
                    inports: ::std::vec![#(#inports),*],
                    outports: ::std::vec![#(#outports),*],
                    firing: #firing,
                    per_node: #per_node,
                    source: #source,
                    keys: ::std::vec![#(#keys),*],
                    examples: ::std::vec![#(#examples),*],
                }
            }

            fn configure(config: &mut ::reflow_components::declare::Config<'_>) -> Self {
                let _ = &config;
                let #mutable this = #made;
                #prepare
                this
            }

            #firing_of_node

            fn into_instance(self) -> ::reflow_components::declare::Instance {
                ::reflow_components::declare::Instance::#wrap(self)
            }
        }
    })
}

/// What `#[component(...)]` says.
struct Header {
    id: String,
    title: String,
    category: String,
    rule: Rule,
    source: TokenStream,
    asynchronous: bool,
    prepare: bool,
    per_node: bool,
}

enum Rule {
    Any,
    All,
    Latest,
    Required(Vec<String>),
}

impl Header {
    fn read(input: &DeriveInput) -> Result<Self> {
        let mut header = Self {
            id: String::new(),
            title: String::new(),
            category: String::new(),
            rule: Rule::Any,
            source: quote! { ::reflow_components::declare::Source::No },
            asynchronous: false,
            prepare: false,
            per_node: false,
        };
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("component")) {
            attribute.parse_nested_meta(|meta| {
                let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                match key.as_str() {
                    "id" => header.id = meta.value()?.parse::<LitStr>()?.value(),
                    "title" => header.title = meta.value()?.parse::<LitStr>()?.value(),
                    "category" => header.category = meta.value()?.parse::<LitStr>()?.value(),
                    "firing" => header.rule = meta.value()?.parse()?,
                    "source" => {
                        let word: Ident = meta.value()?.parse()?;
                        header.source = match word.to_string().as_str() {
                            "yes" => quote! { ::reflow_components::declare::Source::Yes },
                            "to_the_end" => quote! { ::reflow_components::declare::Source::ToTheEnd },
                            _ => return Err(Error::new_spanned(word, "expected `yes` or `to_the_end`")),
                        };
                    }
                    "asynchronous" => header.asynchronous = true,
                    "prepare" => header.prepare = true,
                    "per_node" => header.per_node = true,
                    _ => {
                        return Err(meta
                            .error("expected id, title, category, firing, per_node, source, asynchronous or prepare"));
                    }
                }
                Ok(())
            })?;
        }
        for (key, value) in [("id", &header.id), ("title", &header.title), ("category", &header.category)] {
            if value.is_empty() {
                return Err(Error::new_spanned(&input.ident, format!("expected #[component({key} = \"...\")]")));
            }
        }
        Ok(header)
    }

    fn firing(&self, inports: &[Port]) -> TokenStream {
        let remembered = inports.iter().filter(|port| port.remembered).map(|port| &port.name);
        match &self.rule {
            Rule::Any => quote! { ::reflow_components::declare::Firing::Any },
            Rule::Latest => quote! { ::reflow_components::declare::Firing::Latest },
            Rule::All => quote! {
                ::reflow_components::declare::Firing::All {
                    latest: ::std::vec![#(#remembered.into()),*],
                    optional: ::std::vec::Vec::new(),
                }
            },
            Rule::Required(ports) => quote! {
                ::reflow_components::declare::Firing::Required(::std::vec![#(#ports.into()),*])
            },
        }
    }
}

impl Parse for Rule {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let word: Ident = input.parse()?;
        Ok(match word.to_string().as_str() {
            "any" => Self::Any,
            "all" => Self::All,
            "latest" => Self::Latest,
            "required" => {
                let names;
                syn::parenthesized!(names in input);
                let names = Punctuated::<Ident, Token![,]>::parse_terminated(&names)?;
                Self::Required(names.iter().map(ToString::to_string).collect())
            }
            _ => return Err(Error::new_spanned(word, "expected `any`, `all`, `latest` or `required(PORT, ...)`")),
        })
    }
}

fn ports(attributes: &[Attribute], kind: &str) -> Result<Vec<Port>> {
    attributes.iter().filter(|attribute| attribute.path().is_ident(kind)).map(Attribute::parse_args).collect()
}

fn constants(ports: &[Port], direction: &'static str) -> impl Iterator<Item = TokenStream> {
    ports.iter().enumerate().map(move |(index, port)| {
        let constant = port.constant(direction);
        quote! { const #constant: usize = #index; }
    })
}

fn examples(attributes: &[Attribute]) -> Result<Vec<TokenStream>> {
    let mut examples = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("example")) {
        let (mut config, mut steps, mut outputs) = (LitStr::new("{}", Span::call_site()), None, None);
        attribute.parse_nested_meta(|meta| {
            let text: LitStr = meta.value()?.parse()?;
            match meta.path.get_ident().map(ToString::to_string).as_deref() {
                Some("config") => config = text,
                Some("steps") => steps = Some(text),
                Some("outputs") => outputs = Some(text),
                _ => return Err(meta.error("expected config, steps or outputs")),
            }
            Ok(())
        })?;
        let (Some(steps), Some(outputs)) = (steps, outputs) else {
            return Err(Error::new_spanned(attribute, "an example has `steps` and `outputs`"));
        };
        examples.push(quote! {
            ::reflow_components::declare::Example { config: #config, steps: #steps, outputs: #outputs }
        });
    }
    Ok(examples)
}

/// What one field of the struct becomes.
struct Made {
    key: Option<TokenStream>,
    value: TokenStream,
}

fn made_field(field: &Field) -> Result<Made> {
    let attribute = |name| field.attrs.iter().find(|attribute| attribute.path().is_ident(name));
    if let Some(state) = attribute("state") {
        let value = match &state.meta {
            syn::Meta::Path(_) => quote! { ::core::default::Default::default() },
            _ => state.parse_args::<Expr>()?.into_token_stream(),
        };
        return Ok(Made { key: None, value });
    }
    let Some(config) = attribute("config") else {
        return Err(Error::new_spanned(field, "say what this field is: #[config(...)] or #[state]"));
    };
    let options = Options::read(config)?;
    if options.whole {
        return Ok(Made { key: None, value: quote! { config.whole() } });
    }
    let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
    let key = options.key.unwrap_or(name);
    let summary = doc_text(&field.attrs).replace('\n', " ");
    if summary.is_empty() {
        return Err(Error::new_spanned(field, "a config key needs a doc comment"));
    }
    let ty = &field.ty;
    let default = options
        .default
        .map_or_else(|| quote! { <#ty as ::core::default::Default>::default() }, |default| quote! { #default });
    let (aliases, unit, required, lenient) = (options.aliases, options.unit, options.required, options.lenient);
    let bound = |bound: Option<Expr>| {
        bound.map_or_else(
            || quote! { ::core::option::Option::None },
            |bound| quote! { ::core::option::Option::Some((#bound) as f64) },
        )
    };
    let (min, max) = (bound(options.min), bound(options.max));
    let range = options.range.map_or_else(
        || quote! { ::core::option::Option::None },
        |(low, high)| quote! { ::core::option::Option::Some([(#low) as f64, (#high) as f64]) },
    );
    let rule = quote! {
        ::reflow_components::declare::Rule {
            name: #key,
            aliases: &[#(#aliases),*],
            min: #min,
            max: #max,
            required: #required,
            lenient: #lenient,
        }
    };
    let default_value = if required {
        quote! { ::core::option::Option::None }
    } else {
        quote! {
            ::core::option::Option::Some(::reflow_components::declare::ConfigValue::to_value(&{
                let default: #ty = #default;
                default
            }))
        }
    };
    Ok(Made {
        key: Some(quote! {
            ::reflow_components::declare::Key {
                rule: #rule,
                range: #range,
                unit: #unit,
                summary: #summary,
                default: #default_value,
                schema: <#ty as ::reflow_components::declare::ConfigValue>::schema(),
            }
        }),
        value: quote! { config.read::<#ty>(&#rule, || #default) },
    })
}

/// What `#[config(...)]` says.
#[derive(Default)]
struct Options {
    key: Option<String>,
    aliases: Vec<String>,
    default: Option<Expr>,
    min: Option<Expr>,
    max: Option<Expr>,
    range: Option<(Expr, Expr)>,
    unit: String,
    required: bool,
    lenient: bool,
    whole: bool,
}

impl Options {
    fn read(attribute: &Attribute) -> Result<Self> {
        let mut options = Self::default();
        if matches!(attribute.meta, syn::Meta::Path(_)) {
            return Ok(options);
        }
        attribute.parse_nested_meta(|meta| {
            match meta.path.get_ident().map(ToString::to_string).as_deref() {
                Some("key") => options.key = Some(meta.value()?.parse::<LitStr>()?.value()),
                Some("alias") => options.aliases.push(meta.value()?.parse::<LitStr>()?.value()),
                Some("unit") => options.unit = meta.value()?.parse::<LitStr>()?.value(),
                Some("default") => options.default = Some(meta.value()?.parse()?),
                Some("min") => options.min = Some(meta.value()?.parse()?),
                Some("max") => options.max = Some(meta.value()?.parse()?),
                Some("range") => options.range = Some(range(meta.value()?.parse()?)?),
                Some("required") => options.required = true,
                Some("lenient") => options.lenient = true,
                Some("whole") => options.whole = true,
                _ => {
                    let known = "default, key, alias, min, max, range, unit, required, lenient or whole";
                    return Err(meta.error(format!("expected {known}")));
                }
            }
            Ok(())
        })?;
        Ok(options)
    }
}

/// The ends of a range, both of which belong to it.
fn range(expression: Expr) -> Result<(Expr, Expr)> {
    match expression {
        Expr::Range(ExprRange { start: Some(start), end: Some(end), limits: RangeLimits::Closed(_), .. }) => {
            Ok((*start, *end))
        }
        other => Err(Error::new_spanned(other, "expected LOW..=HIGH")),
    }
}
