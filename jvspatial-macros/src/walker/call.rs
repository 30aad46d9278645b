//! The call of a hook.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ReturnType, Type};

use crate::support::CratePath;

/// A hook as it is called, whoever has it.
pub(crate) struct Call<'a> {
    pub(crate) support: &'a CratePath,
    pub(crate) ident: &'a Ident,
    /// The name of the hook in errors.
    pub(crate) name: String,
    pub(crate) is_async: bool,
    pub(crate) output: &'a ReturnType,
    pub(crate) arguments: Vec<TokenStream>,
}

impl Call<'_> {
    /// What comes of the hook, as a `Result<Control, HookError>`.
    pub(crate) fn answer(&self) -> TokenStream {
        let Self { support, ident, name, is_async, output, arguments } = self;
        let output = match output {
            ReturnType::Default => Span::call_site(),
            ReturnType::Type(_, ty) => at(ty),
        };
        // Spanned at what the hook returns, because that is what is wrong when it is no answer.
        let at_output = support.at(output);
        let read = quote_spanned!(output=> #at_output::answer(returned));
        let guarded = match is_async {
            true => quote! {
                #support::guard(async {
                    let returned = Self::#ident(#(#arguments),*).await;
                    #read
                }).await
            },
            false => quote! {
                #support::guard_sync(|| {
                    let returned = Self::#ident(#(#arguments),*);
                    #read
                })
            },
        };
        quote! {
            {
                let answer = #guarded;
                #support::answered(walk, #name, answer)
            }
        }
    }
}

/// Obeys `answer`: anything but going on ends the hooks, with `stop` as what is returned.
pub(crate) fn obey(support: &CratePath, answer: &TokenStream, stop: &TokenStream) -> TokenStream {
    quote! {
        match #answer? {
            #support::Control::Continue => {}
            stop => {
                let _ = stop;
                return ::core::result::Result::Ok(#stop);
            }
        }
    }
}

/// The place of `ty`, for names that belong to the generated code.
pub(crate) fn at(ty: &Type) -> Span {
    ty.span().resolved_at(Span::call_site())
}
