//! Reading `#[name(key = value, flag)]`, going on after a mistake so that all are reported.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, Meta, Token, Type, token};

use super::{Diagnostics, suggest};

/// One key of an attribute, before its value is read.
pub(crate) struct Key<'a> {
    /// The word itself.
    pub(crate) ident: Ident,
    input: ParseStream<'a>,
}

impl Key<'_> {
    /// Whether the key is `word`.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.ident == word
    }

    /// The value after `=`.
    pub(crate) fn value<T: Parse>(&self) -> syn::Result<T> {
        if !self.input.peek(Token![=]) {
            return Err(syn::Error::new_spanned(
                &self.ident,
                format!("`{}` needs a value: `{} = ..`", self.ident, self.ident),
            ));
        }
        self.input.parse::<Token![=]>()?;
        self.input.parse()
    }

    /// The type after `=`.
    pub(crate) fn ty(&self) -> syn::Result<Type> {
        let at = self.input.cursor();
        self.value().map_err(|error| {
            // Syn lists whatever a type can begin with, which helps nobody.
            if self.input.cursor() == at {
                return error;
            }
            let key = &self.ident;
            syn::Error::new(error.span(), format!("expected a type: `{key} = Type`"))
        })
    }

    /// The tokens in the parentheses behind the key, if there are any.
    pub(crate) fn list(&self) -> syn::Result<Option<TokenStream>> {
        if self.input.peek(Token![=]) {
            let key = &self.ident;
            let message = format!("`{key}` takes a list: `{key}(..)`");
            return Err(syn::Error::new_spanned(key, message));
        }
        if !self.input.peek(token::Paren) {
            return Ok(None);
        }
        let content;
        syn::parenthesized!(content in self.input);
        content.parse().map(Some)
    }

    /// Reads a key that stands alone, setting `flag`.
    pub(crate) fn flag(&self, flag: &mut bool) -> syn::Result<()> {
        if self.input.peek(Token![=]) || self.input.peek(token::Paren) {
            return Err(syn::Error::new_spanned(
                &self.ident,
                format!("`{}` takes no value: write it alone", self.ident),
            ));
        }
        *flag = true;
        Ok(())
    }

    /// Reports a key that nobody knows and passes over its value.
    pub(crate) fn unknown(&self, known: &[&str], diagnostics: &mut Diagnostics) -> syn::Result<()> {
        diagnostics.error(&self.ident, suggest::unknown("key", &self.ident, known));
        self.skip()
    }

    /// Passes over the value.
    pub(crate) fn skip(&self) -> syn::Result<()> {
        skip(self.input)
    }
}

/// Calls `read` for each key in the attributes called `name`.
///
/// A key that `read` fails at is reported and passed over.
pub(crate) fn read_attributes(
    attributes: &[Attribute],
    name: &str,
    diagnostics: &mut Diagnostics,
    read: impl FnMut(Key<'_>, &mut Diagnostics) -> syn::Result<()>,
) {
    read_repeating(attributes, name, &[], diagnostics, read);
}

/// As [`read_attributes`], with the words that may stand several times.
pub(crate) fn read_repeating(
    attributes: &[Attribute],
    name: &str,
    repeating: &[&str],
    diagnostics: &mut Diagnostics,
    mut read: impl FnMut(Key<'_>, &mut Diagnostics) -> syn::Result<()>,
) {
    let mut seen = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        match &attribute.meta {
            Meta::List(list) => {
                read_keys(list.tokens.clone(), repeating, &mut seen, diagnostics, &mut read);
            }
            Meta::Path(_) | Meta::NameValue(_) => {
                let message = format!("expected a list of keys: `#[{name}(..)]`");
                diagnostics.error(&attribute.meta, message);
            }
        }
    }
}

/// Calls `read` for each key in `tokens`, as [`read_attributes`] does.
pub(crate) fn read_list(
    tokens: TokenStream,
    diagnostics: &mut Diagnostics,
    mut read: impl FnMut(Key<'_>, &mut Diagnostics) -> syn::Result<()>,
) {
    read_keys(tokens, &[], &mut Vec::new(), diagnostics, &mut read);
}

fn read_keys(
    tokens: TokenStream,
    repeating: &[&str],
    seen: &mut Vec<Ident>,
    diagnostics: &mut Diagnostics,
    read: &mut impl FnMut(Key<'_>, &mut Diagnostics) -> syn::Result<()>,
) {
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let ident = input.call(Ident::parse_any)?;
            if seen.contains(&ident) && !repeating.iter().any(|word| ident == word) {
                diagnostics.error(&ident, format!("`{ident}` is given twice"));
            }
            seen.push(ident.clone());
            if let Err(error) = read(Key { ident, input }, diagnostics) {
                diagnostics.push(error);
                skip(input)?;
            } else if !input.is_empty() && !input.peek(Token![,]) {
                diagnostics.push(input.error("expected `,`"));
                skip(input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        diagnostics.push(error);
    }
}

/// Passes over whatever is left up to the next comma.
pub(crate) fn skip(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
