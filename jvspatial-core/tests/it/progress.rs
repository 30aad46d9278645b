//! The progress bar shows how far a walk has come.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jvspatial_core::{
    Control, Graph, Here, HookError, ProgressBar, Stored, Walk, WalkBuilder, Walker, out,
};

use crate::model::{City, Road};

/// Counts up every city.
struct Tour;

impl Walker for Tour {
    type Report = ();
    const NAME: &'static str = "Tour";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        let mut city = here.decode::<City>()?;
        city.visits += 1;
        walk.save(&mut city);
        walk.follow(out::<Road>());
        Ok(Control::Continue)
    }
}

/// A terminal that remembers what it shows.
#[derive(Clone, Default)]
struct Terminal(Arc<Mutex<Vec<u8>>>);

impl Terminal {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Terminal {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One that is gone.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("the terminal is gone"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::Error::other("the terminal is gone"))
    }
}

const CITIES: usize = 1_301;

async fn star() -> WalkBuilder<Tour> {
    let graph = Graph::open("memory:").await.unwrap();
    let cities = (0..CITIES).map(|number| City::new(&number.to_string()));
    let cities: Vec<Stored<City>> = graph.create_many(cities).await.unwrap();
    let roads = cities[1..].iter().map(|city| (&cities[0], city, Road { km: 1 }));
    graph.connect_many(roads).await.unwrap().into_result().unwrap();
    graph.walk(Tour).from(&cities[0])
}

#[tokio::test]
async fn a_progress_bar_shows_counts_rates_and_how_the_walk_ended() {
    let terminal = Terminal::default();
    let bar = ProgressBar::new(terminal.clone()).total(2_602).every(Duration::ZERO);
    let bar = Arc::new(bar);
    drop(star().await.observer(bar.clone()).run().await.unwrap());
    let text = terminal.text();
    let lines: Vec<&str> = text.split('\r').skip(1).collect();
    assert!(lines[0].starts_with("Tour   0% 0 visited (0/s), 1 waiting, 0 written (0/s), "));
    assert!(lines.iter().any(|line| line.contains(" 300 waiting, ")), "{text}");
    let last = lines.last().unwrap();
    assert!(last.starts_with("Tour  50% 1,301 visited ("), "{last}");
    assert!(last.contains("/s), 0 waiting, 1,301 written ("), "{last}");
    assert!(last.ends_with(" s: finished\n"), "{last}");
    assert!(!last.contains("visited (0/s)"), "{last}");
    // A line covers the one before it.
    assert!(lines.windows(2).all(|pair| pair[1].len() >= pair[0].trim_end().len()), "{text}");
    drop(star().await.observer(bar).max_steps(5).run().await.unwrap());
    assert!(terminal.text().ends_with(": limit of 5 steps\n"));
}

#[tokio::test]
async fn a_progress_bar_is_not_written_more_often_than_it_may() {
    let terminal = Terminal::default();
    let bar = ProgressBar::new(terminal.clone()).every(Duration::from_secs(3_600));
    drop(star().await.observer(Arc::new(bar)).run().await.unwrap());
    let text = terminal.text();
    assert_eq!(text.matches('\r').count(), 2, "the first and the last: {text}");
    assert!(text.starts_with("\rTour 0 visited (0/s)"), "{text}");
}

#[tokio::test]
async fn a_walk_does_not_fail_for_its_progress_bar() {
    let walk = star().await.observer(Arc::new(ProgressBar::new(Gone)));
    assert_eq!(walk.run().await.unwrap().stats.visited, CITIES as u64);
}
