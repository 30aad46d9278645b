//! The keys `index` and `unique`, as they are written.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, LitStr, Token};

use crate::support::{Diagnostics, keys, suggest};

/// The keys that declare an index.
pub(crate) const INDEX_KEYS: &[&str] = &["index", "unique"];

/// The words that may stand beside the fields of an index.
const OPTIONS: &[&str] = &["sparse", "partial"];

/// One index, as it is declared.
#[derive(Debug)]
pub(crate) struct IndexArguments {
    /// The word `index` or `unique`.
    pub(crate) at: Ident,
    pub(crate) unique: bool,
    pub(crate) keys: Vec<KeyArgument>,
    pub(crate) sparse: Option<Ident>,
    /// The closure that makes the predicate.
    pub(crate) partial: Option<Expr>,
}

/// One field of an index, as it is written.
#[derive(Debug)]
pub(crate) struct KeyArgument {
    pub(crate) descending: bool,
    pub(crate) name: KeyName,
}

/// What a field of an index is called.
#[derive(Debug)]
pub(crate) enum KeyName {
    /// By its name in the struct.
    Field(Ident),
    /// By the path where it is stored.
    Path(LitStr),
}

impl ToTokens for KeyName {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Field(ident) => ident.to_tokens(tokens),
            Self::Path(literal) => literal.to_tokens(tokens),
        }
    }
}

impl IndexArguments {
    fn new(key: &keys::Key<'_>) -> Self {
        let at = key.ident.clone();
        Self { unique: key.is("unique"), at, keys: Vec::new(), sparse: None, partial: None }
    }

    /// Reads `index(state, -latitude, sparse)` on a struct; `None` beside a mistake in the list.
    pub(crate) fn of_struct(
        key: &keys::Key<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<Option<Self>> {
        let mut index = Self::new(key);
        let word = &index.at;
        let needs_fields = format!("`{word}` needs fields here: `{word}(name, -latitude)`");
        let Some(tokens) = key.list()? else {
            return Err(syn::Error::new_spanned(word, needs_fields));
        };
        if !index.read_list(tokens, diagnostics) {
            return Ok(None);
        }
        if index.keys.is_empty() {
            return Err(syn::Error::new_spanned(&index.at, needs_fields));
        }
        Ok(Some(index))
    }

    /// Reads `index` or `index(sparse)` on `field`.
    pub(crate) fn of_field(
        field: &Ident,
        key: &keys::Key<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<Self> {
        let mut index = Self::new(key);
        if let Some(tokens) = key.list()? {
            index.read_list(tokens, diagnostics);
        }
        for key in std::mem::take(&mut index.keys) {
            let hint = "an index on several fields is declared on the struct";
            let message = match &key.name {
                KeyName::Field(ident) => {
                    format!("{}; {hint}", suggest::unknown("option", ident, OPTIONS))
                }
                KeyName::Path(_) => hint.to_owned(),
            };
            diagnostics.error(key.name, message);
        }
        // The field is right, whatever the list is; the mistake is at the word that declares it.
        let mut ident = field.clone();
        ident.set_span(index.at.span());
        index.keys.push(KeyArgument { descending: false, name: KeyName::Field(ident) });
        Ok(index)
    }

    /// Reads what stands in the parentheses, and says whether it could be read to its end.
    fn read_list(&mut self, tokens: TokenStream, diagnostics: &mut Diagnostics) -> bool {
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                self.read_item(input, diagnostics)?;
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        parser.parse2(tokens).map_err(|error| diagnostics.push(error)).is_ok()
    }

    fn read_item(
        &mut self,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<()> {
        let descending = input.parse::<Option<Token![-]>>()?.is_some();
        if input.peek(LitStr) {
            let name = KeyName::Path(input.parse()?);
            self.keys.push(KeyArgument { descending, name });
            return Ok(());
        }
        let expected = |span: Span| syn::Error::new(span, "expected a field or an option");
        let ident = input.call(Ident::parse_any).map_err(|error| expected(error.span()))?;
        if input.peek(Token![=]) {
            return self.read_option(&ident, input, diagnostics);
        }
        if !descending && ident == "sparse" {
            if self.sparse.replace(ident.clone()).is_some() {
                diagnostics.error(ident, "`sparse` is given twice");
            }
            return Ok(());
        }
        self.keys.push(KeyArgument { descending, name: KeyName::Field(ident) });
        Ok(())
    }

    /// Reads an option with a value.
    fn read_option(
        &mut self,
        ident: &Ident,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<()> {
        input.parse::<Token![=]>()?;
        if ident == "partial" {
            let message = "expected a predicate: `partial = |a| a.name.eq(\"..\")`";
            if input.is_empty() {
                return Err(syn::Error::new_spanned(ident, message));
            }
            let predicate =
                input.parse().map_err(|error| syn::Error::new(error.span(), message))?;
            if self.partial.replace(predicate).is_some() {
                diagnostics.error(ident, "`partial` is given twice");
            }
            return Ok(());
        }
        let message = if ident == "name" {
            "an index has the name that its fields give it".to_owned()
        } else if ident == "sparse" || INDEX_KEYS.iter().any(|word| ident == word) {
            format!("`{}` takes no value here", ident.unraw())
        } else {
            suggest::unknown("option", ident, OPTIONS)
        };
        diagnostics.error(ident, message);
        keys::skip(input)
    }
}
