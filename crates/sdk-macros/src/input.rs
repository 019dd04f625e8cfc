//! How the input is written and read.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Error, Field, Fields, Ident, LitStr, Path, Result};

use crate::options::{Options, Shape};

/// The code of `to_input` and `from_input`.
pub(crate) struct Code {
    /// What both of them need.
    pub(crate) items: TokenStream,
    pub(crate) write: TokenStream,
    pub(crate) read: TokenStream,
}

/// Makes the code for the struct `ident`, a task called `name`.
pub(crate) fn code(ident: &Ident, fields: &Fields, options: &Options, name: &LitStr) -> Result<Code> {
    let boxwood = &options.boxwood;
    match options.input {
        _ if fields.is_empty() => nothing(options.input),
        Some((Shape::Object, _)) | None => object(ident, fields, boxwood, name),
        Some((shape, word)) => {
            let only = Only::of(fields, shape, word)?;
            match shape {
                Shape::Prost => {
                    let decode = quote_spanned! { word => <M as ::prost::Message>::decode(input) };
                    Ok(only.message(&quote_spanned! { word => ::prost::Message }, "prost", &decode, boxwood, name))
                }
                Shape::Buffa => {
                    let decode = quote_spanned! { word => <M as ::buffa::Message>::decode_from_slice(input) };
                    Ok(only.message(&quote_spanned! { word => ::buffa::Message }, "buffa", &decode, boxwood, name))
                }
                Shape::Object | Shape::Value => Ok(only.value(boxwood, name)),
            }
        }
    }
}

/// No fields: zero bytes, or an object without entries if one was asked for; any bytes are accepted back.
fn nothing(input: Option<(Shape, Span)>) -> Result<Code> {
    let bytes = match input {
        None => "",
        Some((Shape::Object, _)) => "{}",
        Some((shape, word)) => {
            let problem = format!(
                "\"{}\" needs a field, and this struct has none; leave `input` out: \
                 a task without fields has an input of zero bytes",
                shape.word()
            );
            return Err(Error::new(word, problem));
        }
    };
    Ok(Code {
        items: TokenStream::new(),
        write: quote! { ::std::result::Result::Ok(::std::vec::Vec::from(#bytes)) },
        read: quote! {
            let _ = input;
            ::std::result::Result::Ok(Self {})
        },
    })
}

fn object(ident: &Ident, fields: &Fields, boxwood: &Path, name: &LitStr) -> Result<Code> {
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
    // What is missing is missing at the struct, and said there.
    let this = quote_spanned! { ident.span() => #ident };
    Ok(Code {
        items: TokenStream::new(),
        write: quote! { <#this as #boxwood::__private::WriteJson>::write_object(self, #name) },
        read: quote! { <#this as #boxwood::__private::ReadJson>::read_object(#name, input) },
    })
}

/// The only field of a struct.
struct Only<'f> {
    field: &'f Field,
    member: TokenStream,
    /// What errors call it.
    label: String,
}

impl<'f> Only<'f> {
    fn of(fields: &'f Fields, shape: Shape, word: Span) -> Result<Self> {
        let mut all = fields.iter();
        match (all.next(), fields.len()) {
            (Some(field), 1) => {
                let member = field.ident.as_ref().map_or_else(|| quote! { 0 }, |ident| ident.to_token_stream());
                let label = field.ident.as_ref().map_or_else(|| "0".to_owned(), |ident| ident.unraw().to_string());
                Ok(Self { field, member, label })
            }
            (_, count) => {
                let remedy = match shape {
                    Shape::Prost | Shape::Buffa => {
                        "make the others fields of the message, or leave `input` out for JSON"
                    }
                    Shape::Object | Shape::Value => "write \"object\"",
                };
                let problem =
                    format!("\"{}\" is for structs of one field, and this one has {count}; {remedy}", shape.word());
                Err(Error::new(word, problem))
            }
        }
    }

    fn value(&self, boxwood: &Path, name: &LitStr) -> Code {
        let Self { field, member, label } = self;
        let ty = &field.ty;
        Code {
            items: TokenStream::new(),
            write: quote! { <#ty as #boxwood::__private::WriteJson>::write_value(&self.#member, #name, #label) },
            read: quote! {
                let value = <#ty as #boxwood::__private::ReadJson>::read_value(#name, #label, input)?;
                ::std::result::Result::Ok(Self { #member: value })
            },
        }
    }

    /// The trait of the library is reached through one of our own, whose message names the remedy.
    fn message(
        &self,
        message: &TokenStream,
        library: &str,
        decode: &TokenStream,
        boxwood: &Path,
        name: &LitStr,
    ) -> Code {
        let Self { field, member, label } = self;
        let ty = &field.ty;
        let problem = format!("`{{Self}}` is no message of the crate `{library}`");
        let at = format!("does not implement `{library}::Message`");
        let remedy = format!(
            "`input = \"{library}\"` is for a field whose type was made by `{library}` from a .proto file; \
             for other types write `input = \"value\"`"
        );
        Code {
            items: quote! {
                #[diagnostic::on_unimplemented(message = #problem, label = #at, note = #remedy)]
                trait __Message: Sized {
                    fn write(&self) -> ::std::vec::Vec<u8>;
                    fn read(input: &[u8]) -> ::std::result::Result<Self, ::std::string::String>;
                }

                #[diagnostic::do_not_recommend]
                impl<M: #message + ::std::default::Default> __Message for M {
                    fn write(&self) -> ::std::vec::Vec<u8> {
                        <M as #message>::encode_to_vec(self)
                    }

                    fn read(input: &[u8]) -> ::std::result::Result<Self, ::std::string::String> {
                        #decode.map_err(|problem| ::std::string::ToString::to_string(&problem))
                    }
                }
            },
            write: quote! { ::std::result::Result::Ok(<#ty as __Message>::write(&self.#member)) },
            read: quote! {
                let message = <#ty as __Message>::read(input)
                    .map_err(|problem| #boxwood::__private::not_a_message(#name, #label, problem))?;
                ::std::result::Result::Ok(Self { #member: message })
            },
        }
    }
}
