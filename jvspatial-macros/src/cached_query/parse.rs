//! The keys of `#[cached_query(..)]`.

use proc_macro2::{Span, TokenStream};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, LitBool, LitStr, Token};

use crate::support::{CratePath, Diagnostics, keys};

const KEYS: [&str; 12] = [
    "ttl",
    "key",
    "skip",
    "tags",
    "condition",
    "unless",
    "stale_while_revalidate",
    "refresh_ahead",
    "cache_empty",
    "tier",
    "cache",
    "crate",
];

/// What `#[cached_query(..)]` says.
#[derive(Debug)]
pub(super) struct Arguments {
    pub(super) ttl: Option<Time>,
    pub(super) stale_while_revalidate: Option<Time>,
    pub(super) refresh_ahead: Option<Time>,
    pub(super) key: Option<Expr>,
    pub(super) skip: Vec<Ident>,
    pub(super) tags: Vec<Expr>,
    pub(super) condition: Option<Expr>,
    pub(super) unless: Option<Expr>,
    pub(super) keeps_empty: bool,
    pub(super) is_shared: bool,
    pub(super) cache: Option<Expr>,
    pub(super) crate_path: CratePath,
}

/// A time, and where it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub(super) millis: u64,
    pub(super) span: Span,
}

impl Arguments {
    pub(super) fn read(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Self {
        let mut read = Self {
            ttl: None,
            stale_while_revalidate: None,
            refresh_ahead: None,
            key: None,
            skip: Vec::new(),
            tags: Vec::new(),
            condition: None,
            unless: None,
            keeps_empty: true,
            is_shared: false,
            cache: None,
            crate_path: CratePath::default(),
        };
        keys::read_list(tokens, diagnostics, |key, diagnostics| {
            if key.is("ttl") {
                read.ttl = Some(time(&key.value()?)?);
            } else if key.is("stale_while_revalidate") {
                read.stale_while_revalidate = Some(time(&key.value()?)?);
            } else if key.is("refresh_ahead") {
                read.refresh_ahead = Some(time(&key.value()?)?);
            } else if key.is("key") {
                read.key = Some(key.value()?);
            } else if key.is("skip") {
                read.skip = list(key.list()?)?;
            } else if key.is("tags") {
                read.tags = list(key.list()?)?;
            } else if key.is("condition") {
                read.condition = Some(key.value()?);
            } else if key.is("unless") {
                read.unless = Some(key.value()?);
            } else if key.is("cache_empty") {
                read.keeps_empty = key.value::<LitBool>()?.value;
            } else if key.is("tier") {
                read.is_shared = is_shared(&key.value()?)?;
            } else if key.is("cache") {
                read.cache = Some(key.value()?);
            } else if key.is("crate") {
                read.crate_path.set(key.value()?, diagnostics);
            } else {
                key.unknown(&KEYS, diagnostics)?;
            }
            Ok(())
        });
        read.check(diagnostics);
        read
    }

    /// Whether an old answer may be handed out while a new one is computed.
    pub(super) const fn computes_detached(&self) -> Option<Time> {
        match self.stale_while_revalidate {
            None => self.refresh_ahead,
            some => some,
        }
    }

    fn check(&self, diagnostics: &mut Diagnostics) {
        let mut error = |at: Time, message: &str| {
            diagnostics.push(syn::Error::new(at.span, message));
        };
        match (self.ttl, self.computes_detached()) {
            (None, Some(time)) => {
                error(time, "an answer ages by its `ttl`: give one, such as `ttl = \"1m\"`");
            }
            (Some(ttl), _) => {
                if let Some(ahead) = self.refresh_ahead.filter(|ahead| ahead.millis >= ttl.millis) {
                    error(ahead, "`refresh_ahead` must be shorter than `ttl`");
                }
            }
            (None, None) => {}
        }
        if let (Some(_), Some(skipped)) = (&self.key, self.skip.first()) {
            diagnostics
                .error(skipped, "`key` stands for all arguments: `skip` has nothing to skip");
        }
    }
}

/// A time as it is spelled in settings.
fn time(literal: &LitStr) -> syn::Result<Time> {
    let text = literal.value();
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let number = number.parse::<u64>().ok().filter(|number| *number > 0);
    let millis = number.zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    millis.map(|millis| Time { millis, span: literal.span() }).ok_or_else(|| {
        let message = "expected a time with its unit: `\"250ms\"`, `\"30s\"`, `\"5m\"` or `\"1h\"`";
        syn::Error::new(literal.span(), message)
    })
}

/// Whether a tier is one that processes share.
fn is_shared(tier: &Ident) -> syn::Result<bool> {
    match tier.to_string().as_str() {
        "memory" => Ok(false),
        "all" => Ok(true),
        _ => Err(syn::Error::new(
            tier.span(),
            "expected a tier: `memory`, or `all` for Redis as well",
        )),
    }
}

fn list<T: syn::parse::Parse>(tokens: Option<TokenStream>) -> syn::Result<Vec<T>> {
    let parser = Punctuated::<T, Token![,]>::parse_terminated;
    Ok(parser.parse2(tokens.unwrap_or_default())?.into_iter().collect())
}
