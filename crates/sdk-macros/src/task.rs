//! The implementation of `boxwood::Task` for one struct.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Data, DataStruct, DeriveInput, Error, Fields, LitStr, Result};

use crate::input::Code;
use crate::options::{Options, note};
use crate::{display, input};

/// The implementation, or every mistake that can be told; then with an implementation all the same where there can be
/// one, so that the compiler does not complain about each use of the struct too.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let (options, mut mistakes) = Options::read(&input.attrs);
    let bodies = match fields(input) {
        Ok(fields) => {
            for misplaced in fields.iter().flat_map(|field| &field.attrs).filter(|attr| attr.path().is_ident("task")) {
                let problem =
                    "`#[task(…)]` belongs to the struct; what serde does with a field is said by `#[serde(…)]`";
                note(&mut mistakes, Error::new(misplaced.path().span(), problem));
            }
            // After a wrong option, what the fields lack may be only what that option would have changed.
            match mistakes {
                Some(_) => None,
                None => Bodies::new(input, fields, &options).map_err(|mistake| note(&mut mistakes, mistake)).ok(),
            }
        }
        Err(mistake) => {
            note(&mut mistakes, mistake);
            None
        }
    };
    match (mistakes, bodies) {
        (None, Some(bodies)) => implementation(input, &options, &bodies),
        (mistakes, _) => {
            let mistakes = mistakes.map(Error::into_compile_error);
            let implementation =
                input.generics.params.is_empty().then(|| implementation(input, &options, &Bodies::never()));
            quote! { #mistakes #implementation }
        }
    }
}

/// What stands in the functions of the implementation.
struct Bodies {
    identifier: TokenStream,
    display: TokenStream,
    input: Code,
}

impl Bodies {
    fn new(input: &DeriveInput, fields: &Fields, options: &Options) -> Result<Self> {
        let ident = &input.ident;
        let boxwood = &options.boxwood;
        let struct_name = LitStr::new(&ident.unraw().to_string(), ident.span());
        let name = options.name.as_ref().unwrap_or(&struct_name);
        let (major, minor) = options.version.unwrap_or_default();
        let display = match &options.display {
            Some(text) => display::expression(fields, text),
            None => Ok(quote! { ::std::string::String::from(#struct_name) }),
        };
        let code = input::code(ident, fields, options, name);
        let (display, input) = match (display, code) {
            (Ok(display), Ok(code)) => (display, code),
            (Err(mut mistake), Err(other)) => {
                mistake.combine(other);
                return Err(mistake);
            }
            (Err(mistake), _) | (_, Err(mistake)) => return Err(mistake),
        };
        Ok(Self { identifier: quote! { #boxwood::TaskIdentifier::checked(#name, #major, #minor) }, display, input })
    }

    /// Of what does not compile anyway.
    fn never() -> Self {
        let never = quote! { ::std::unreachable!() };
        let input = Code { items: TokenStream::new(), write: never.clone(), read: never.clone() };
        Self { identifier: never.clone(), display: never, input }
    }
}

fn implementation(input: &DeriveInput, options: &Options, bodies: &Bodies) -> TokenStream {
    let ident = &input.ident;
    let boxwood = &options.boxwood;
    let where_clause = &input.generics.where_clause;
    let Bodies { identifier, display, input: Code { items, write, read } } = bodies;
    quote! {
        const _: () = {
            #items

            #[automatically_derived]
            impl #boxwood::Task for #ident #where_clause {
                fn identifier() -> #boxwood::TaskIdentifier {
                    #identifier
                }

                fn display(&self) -> ::std::string::String {
                    #display
                }

                fn to_input(&self) -> ::std::result::Result<::std::vec::Vec<u8>, #boxwood::Error> {
                    #write
                }

                fn from_input(input: &[u8]) -> ::std::result::Result<Self, #boxwood::Error> {
                    #read
                }
            }
        };
    }
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
    match input.generics.params.first() {
        Some(syn::GenericParam::Lifetime(parameter)) => {
            let problem =
                "a task is made anew from its input and cannot borrow; give it owned fields, such as `String`";
            Err(Error::new(parameter.span(), problem))
        }
        Some(parameter) => {
            let problem = "a task cannot have parameters: its identifier would not tell which type it is; \
                           write a struct for each type";
            Err(Error::new(parameter.span(), problem))
        }
        None => Ok(fields),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_50_a_renamed_crate_is_named_nowhere_by_its_old_name() {
        let structs: [DeriveInput; 4] = [
            syn::parse_quote! { #[task(crate = "bw")] struct Nothing; },
            syn::parse_quote! { #[task(crate = "bw", display = "{x}")] struct Object { x: u32 } },
            syn::parse_quote! { #[task(crate = "bw", input = "value")] struct Value(u32); },
            syn::parse_quote! { #[task(crate = "bw", input = "prost")] struct Message(Timestamp); },
        ];
        for input in structs {
            let code = derive(&input).to_string();
            assert!(code.contains("impl bw :: Task for") && !code.contains("boxwood"), "{code}");
        }
    }
}
