//! The implementation of `boxwood::Task` for one struct.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{Data, DataStruct, DeriveInput, Error, Fields, LitStr, Result};

use crate::options::{Options, Shape};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let fields = fields(input)?;
    let options = Options::read(&input.attrs)?;
    let ident = &input.ident;
    let struct_name = LitStr::new(&syn::ext::IdentExt::unraw(ident).to_string(), ident.span());
    let name = options.name.clone().unwrap_or_else(|| struct_name.clone());
    let (major, minor) = options.version.unwrap_or_default();

    let display = display(fields, options.display.as_ref().unwrap_or(&struct_name), options.display.is_some())?;
    let (write, read) = input_code(fields, &options, &name)?;
    Ok(quote! {
        #[automatically_derived]
        impl ::boxwood::Task for #ident {
            fn identifier() -> ::boxwood::TaskIdentifier {
                ::boxwood::TaskIdentifier::checked(#name, #major, #minor)
            }

            fn display(&self) -> ::std::string::String {
                #display
            }

            fn to_input(&self) -> ::std::result::Result<::std::vec::Vec<u8>, ::boxwood::Error> {
                #write
            }

            fn from_input(input: &[u8]) -> ::std::result::Result<Self, ::boxwood::Error> {
                #read
            }
        }
    })
}

/// The fields of what must be a struct without parameters.
fn fields(input: &DeriveInput) -> Result<&Fields> {
    let fields = match &input.data {
        Data::Struct(DataStruct { fields, .. }) => fields,
        Data::Enum(data) => {
            let problem = "only a struct can be a task; put the enum into a field of one";
            return Err(Error::new(data.enum_token.span(), problem));
        }
        Data::Union(data) => {
            return Err(Error::new(data.union_token.span(), "only a struct can be a task"));
        }
    };
    if let Some(parameter) = input.generics.params.first() {
        let problem = "a task cannot have parameters: its identifier would not tell which type it is; \
                       write a struct for each type, with owned fields";
        return Err(Error::new(parameter.span(), problem));
    }
    Ok(fields)
}

/// The expression of the display: a text as it is, or with named fields filled in.
fn display(fields: &Fields, text: &LitStr, is_format: bool) -> Result<TokenStream> {
    if !is_format {
        return Ok(quote! { ::std::string::String::from(#text) });
    }
    let Fields::Named(named) = fields else {
        return Ok(quote! { ::std::format!(#text) });
    };
    // Only the fields that the text names are bound, so that others need no `Display` and cause no warnings.
    let names = placeholders(&text.value());
    let bound = named
        .named
        .iter()
        .filter_map(|field| field.ident.as_ref())
        .filter(|ident| names.contains(&syn::ext::IdentExt::unraw(*ident).to_string()));
    Ok(quote! {
        let Self { #(#bound,)* .. } = self;
        ::std::format!(#text)
    })
}

/// The names in braces of a format text, also those of widths and precisions; names too many do no harm.
fn placeholders(text: &str) -> Vec<String> {
    let is_name = |c: char| c == '_' || c.is_alphanumeric();
    let inside = text
        .replace("{{", "")
        .split('{')
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap_or("").to_owned())
        .collect::<Vec<_>>();
    inside.iter().flat_map(|inside| inside.split(|c| !is_name(c))).map(str::to_owned).collect()
}

/// The bodies of `to_input` and `from_input`.
fn input_code(fields: &Fields, options: &Options, name: &LitStr) -> Result<(TokenStream, TokenStream)> {
    let Some(first) = fields.iter().next() else {
        if let Some((Shape::Value, word)) = options.input {
            let problem = "\"value\" needs a field, and this struct has none; leave `input` out: \
                           a task without fields has an input of zero bytes";
            return Err(Error::new(word, problem));
        }
        return Ok((
            quote! { ::std::result::Result::Ok(::std::vec::Vec::new()) },
            quote! {
                let _ = input;
                ::std::result::Result::Ok(Self {})
            },
        ));
    };
    match options.input {
        Some((Shape::Value, word)) => {
            if fields.len() > 1 {
                let problem = format!(
                    "\"value\" is for structs of one field, and this one has {}; write \"object\"",
                    fields.len()
                );
                return Err(Error::new(word, problem));
            }
            let member = match &first.ident {
                Some(ident) => quote! { #ident },
                None => quote! { 0 },
            };
            Ok((
                quote! { ::boxwood::__private::to_json(#name, &self.#member) },
                quote! {
                    ::std::result::Result::Ok(Self { #member: ::boxwood::__private::from_json(#name, input)? })
                },
            ))
        }
        _ => {
            if let Fields::Unnamed(unnamed) = fields {
                let problem = match unnamed.unnamed.len() {
                    1 => {
                        "the fields of an object have names; give this field one, or write \
                          `#[task(input = \"value\")]` for the bare value"
                    }
                    _ => "the fields of an object have names; give these fields names",
                };
                return Err(Error::new(unnamed.span(), problem));
            }
            Ok((
                quote! { ::boxwood::__private::to_json(#name, self) },
                quote! { ::boxwood::__private::from_json(#name, input) },
            ))
        }
    }
}
