//! `#[derive(Component)]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, Data, DeriveInput, Error, Expr, ExprRange, Field, Fields, LitStr, RangeLimits, Result};

use crate::doc_text;
use crate::header::Header;
use crate::port::{IN, OUT, ports};

pub(crate) fn expand(input: &DeriveInput, root: &TokenStream) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(input, "a component is a struct: its config and its state"));
    };
    let name = &input.ident;
    let header = Header::read(input)?;
    let text = doc_text(&input.attrs);
    if text.is_empty() {
        return Err(Error::new_spanned(name, "a component needs a doc comment: its first line is its summary"));
    }
    let (mut inports, mut outports) = (ports(&input.attrs, &IN)?, ports(&input.attrs, &OUT)?);
    header.shape.complete(&mut inports, &mut outports, root);
    let examples = examples(&input.attrs, root)?;
    let firing = header.firing(&inports, root)?;
    let source = header.source(root);
    let maker = header.shape.maker();
    let Header { id, title, category, prepare, per_node, origins, open_ports, .. } = &header;

    let constants = [(&inports, IN), (&outports, OUT)];
    let constants = constants.iter().flat_map(|(ports, direction)| {
        ports.iter().enumerate().map(move |(index, port)| port.constant(direction, index, root))
    });
    let inports = inports.iter().map(|port| port.declaration(root));
    let outports = outports.iter().map(|port| port.declaration(root));
    let Members { keys, made } = members(data, root)?;
    let prepare = prepare.then(|| quote! { if config.is_sound() { config.accept(this.prepare()); } });
    let mutable = prepare.is_some().then(|| quote! { mut });
    let firing_of_node = per_node.then(|| {
        quote! {
            fn firing_of_node(&self, connected: &[&str]) -> #root::declare::Firing {
                self.firing(connected)
            }
        }
    });

    Ok(quote! {
        #[allow(dead_code, reason = "a body need not look at every port")]
        impl #name {
            #(#constants)*
        }

        impl #root::declare::Declare for #name {
            fn declaration() -> #root::declare::Declaration {
                #root::declare::Declaration {
                    id: #id,
                    title: #title,
                    category: #category,
                    text: #text.into(),
                    inports: ::std::vec![#(#inports),*],
                    outports: ::std::vec![#(#outports),*],
                    firing: #firing,
                    per_node: #per_node,
                    origins: #origins,
                    open_ports: #open_ports,
                    source: #source,
                    keys: #keys,
                    examples: ::std::vec![#(#examples),*],
                }
            }

            fn configure(config: &mut #root::declare::Config<'_>) -> Self {
                let _ = &config;
                let #mutable this = #made;
                #prepare
                this
            }

            #firing_of_node
        }

        impl #root::declare::Make for #name {
            fn into_instance(self) -> #root::declare::Instance {
                #root::declare::#maker(self)
            }
        }
    })
}

/// `#[derive(ConfigGroup)]`: keys that several components have in common.
pub(crate) fn expand_group(input: &DeriveInput, root: &TokenStream) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(input, "a group of config keys is a struct"));
    };
    let name = &input.ident;
    let Members { keys, made } = members(data, root)?;
    Ok(quote! {
        impl #root::declare::ConfigGroup for #name {
            fn keys() -> ::std::vec::Vec<#root::declare::Key> {
                #keys
            }

            fn read(config: &mut #root::declare::Config<'_>) -> Self {
                #made
            }
        }
    })
}

/// What the fields of a struct come to.
struct Members {
    /// The list of keys.
    keys: TokenStream,
    /// The struct, read from `config`.
    made: TokenStream,
}

fn members(data: &syn::DataStruct, root: &TokenStream) -> Result<Members> {
    let fields = match &data.fields {
        Fields::Named(fields) => &fields.named,
        Fields::Unit => return Ok(Members { keys: quote! { ::std::vec::Vec::new() }, made: quote! { Self } }),
        Fields::Unnamed(fields) => {
            return Err(Error::new_spanned(fields, "fields need names: they are the config's keys"));
        }
    };
    let (mut keys, mut initial) = (Vec::new(), Vec::new());
    for field in fields {
        let made = made_field(field, root)?;
        keys.extend(made.keys);
        let (ident, value) = (&field.ident, made.value);
        initial.push(quote! { #ident: #value });
    }
    let keys = quote! {
        {
            let mut keys = ::std::vec::Vec::new();
            #(keys.extend(#keys);)*
            keys
        }
    };
    Ok(Members { keys, made: quote! { Self { #(#initial),* } } })
}

fn examples(attributes: &[Attribute], root: &TokenStream) -> Result<Vec<TokenStream>> {
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
            #root::declare::Example { config: #config.into(), steps: #steps.into(), outputs: #outputs.into() }
        });
    }
    Ok(examples)
}

/// What one field of the struct becomes.
struct Made {
    /// Something to extend the keys with.
    keys: Option<TokenStream>,
    value: TokenStream,
}

fn made_field(field: &Field, root: &TokenStream) -> Result<Made> {
    let attribute = |name| field.attrs.iter().find(|attribute| attribute.path().is_ident(name));
    if let Some(state) = attribute("state") {
        let value = match &state.meta {
            syn::Meta::Path(_) => quote! { ::core::default::Default::default() },
            _ => state.parse_args::<Expr>()?.into_token_stream(),
        };
        return Ok(Made { keys: None, value });
    }
    let Some(config) = attribute("config") else {
        return Err(Error::new_spanned(field, "say what this field is: #[config(...)] or #[state]"));
    };
    let options = Options::read(config)?;
    if options.whole {
        return Ok(Made { keys: None, value: quote! { config.whole() } });
    }
    if options.group {
        let ty = &field.ty;
        let (keys, value) = (
            quote! { <#ty as #root::declare::ConfigGroup>::keys() },
            quote! { <#ty as #root::declare::ConfigGroup>::read(config) },
        );
        return Ok(Made { keys: Some(keys), value });
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
        #root::declare::Rule {
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
            ::core::option::Option::Some(#root::declare::ConfigValue::to_value(&{
                let default: #ty = #default;
                default
            }))
        }
    };
    Ok(Made {
        keys: Some(quote! {
            [#root::declare::Key {
                rule: #rule,
                range: #range,
                unit: #unit,
                summary: #summary,
                default: #default_value,
                schema: <#ty as #root::declare::ConfigValue>::schema(),
            }]
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
    group: bool,
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
                Some("group") => options.group = true,
                _ => {
                    let known = "default, key, alias, min, max, range, unit, required, lenient, whole or group";
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
