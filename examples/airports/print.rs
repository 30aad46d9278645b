//! The answer, for a person or for a program.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::load::Loaded;
use crate::model::Airport;
use crate::options::Options;
use crate::reach::{Reachable, Reached};

/// Everything that there is to say.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) options: &'a Options,
    pub(crate) loaded: &'a Loaded,
    pub(crate) start: &'a Airport,
    pub(crate) reached: &'a Reachable,
}

impl Answer<'_> {
    /// Writes tables; with `emphasis` the headings stand out on a terminal.
    pub(crate) fn write_text(&self, out: &mut impl Write, emphasis: bool) -> io::Result<()> {
        let heading = |text: String| match emphasis {
            true => format!("\u{1b}[1m{text}\u{1b}[0m"),
            false => text,
        };
        let Self { options, loaded, reached, .. } = self;
        let origin = match loaded.took {
            Some(took) => format!("loaded in {}", duration(took)),
            None => "loaded earlier".to_owned(),
        };
        writeln!(
            out,
            "{} airports and {} routes in {} ({origin})\n",
            grouped(loaded.airports),
            grouped(loaded.routes),
            plain(&options.shown_db()),
        )?;

        let start = place(self.start);
        let title = format!(
            "Within {} of {start}, on routes with at least {} flights",
            counted(options.hops, "hop"),
            grouped(options.min_flights.into())
        );
        writeln!(out, "{}\n", heading(title))?;
        self.write_hops(out)?;
        let title =
            "The busiest of each state among them, by departures and arrivals on all routes";
        writeln!(out, "\n{}\n", heading(title.to_owned()))?;
        self.write_states(out)?;

        let stats = &reached.stats;
        writeln!(
            out,
            "\nWalked over {} airports in {} with {} queries",
            grouped(stats.visited),
            duration(stats.elapsed),
            stats.queries
        )
    }

    fn write_hops(&self, out: &mut impl Write) -> io::Result<()> {
        let mut total = 0;
        writeln!(out, "  {:>4}  {:>8}  {:>8}", "hops", "airports", "in all")?;
        for (hop, count) in self.reached.by_hop().into_iter().enumerate() {
            total += count;
            writeln!(out, "  {hop:>4}  {count:>8}  {total:>8}")?;
        }
        Ok(())
    }

    fn write_states(&self, out: &mut impl Write) -> io::Result<()> {
        let busiest = self.reached.busiest();
        let shown = if self.options.top == 0 { busiest.len() } else { self.options.top };
        let city = |reached: &Reached| plain(reached.airport.city.as_deref().unwrap_or("-"));
        let rows = busiest.iter().take(shown);
        let width = rows.clone().map(|row| city(row).chars().count()).max().unwrap_or(0).max(4);
        let line = |state: &str, iata: &str, city: &str, flights: &str, hops: &str| {
            format!("  {state:<5}  {iata:<7}  {city:<width$}  {flights:>9}  {hops:>4}")
        };
        writeln!(out, "{}", line("state", "airport", "city", "flights", "hops"))?;
        for row in rows {
            let Reached { airport, hop } = row;
            let state = plain(airport.state.as_deref().unwrap_or("-"));
            let flights = grouped(airport.flights);
            writeln!(
                out,
                "{}",
                line(&state, &airport.iata, &city(row), &flights, &hop.to_string())
            )?;
        }
        if let Some(rest) = busiest.len().checked_sub(shown).filter(|rest| *rest > 0) {
            writeln!(out, "  and {rest} more; --top 0 shows all")?;
        }
        Ok(())
    }

    /// Writes one JSON object on one line.
    pub(crate) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { options, loaded, reached, start } = self;
        let stats = &reached.stats;
        let busiest = reached.busiest().into_iter().map(|Reached { airport, hop }| {
            json!({
                "state": airport.state,
                "iata": airport.iata,
                "name": airport.name,
                "city": airport.city,
                "flights": airport.flights,
                "hops": hop,
            })
        });
        let answer = json!({
            "database": {
                "url": options.shown_db(),
                "airports": loaded.airports,
                "routes": loaded.routes,
                "load_seconds": loaded.took.map(|took| took.as_secs_f64()),
            },
            "from": start.iata,
            "min_flights": options.min_flights,
            "hops": options.hops,
            "airports": reached.airports.len(),
            "by_hop": reached.by_hop(),
            "busiest": busiest.collect::<Value>(),
            "without_state": reached.without_state(),
            "walk": { "seconds": stats.elapsed.as_secs_f64(), "queries": stats.queries },
        });
        writeln!(out, "{answer}")
    }
}

/// `ATL (William B Hartsfield-Atlanta Intl, Atlanta, GA)`
fn place(airport: &Airport) -> String {
    let parts = [Some(&airport.name), airport.city.as_ref(), airport.state.as_ref()];
    let parts: Vec<_> = parts.into_iter().flatten().map(|part| plain(part)).collect();
    format!("{} ({})", airport.iata, parts.join(", "))
}

/// Text without the control characters by which it could steer a terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// `1 hop`, `2 hops`
fn counted(count: u32, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// `7,009,728`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.25 s`, `12.3 ms`
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 0.1 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}
