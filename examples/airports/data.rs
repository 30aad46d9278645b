//! The two CSV files, read and checked as a whole before anything is written.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use csv::StringRecord;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::model::{Airport, Flight};

/// The longest cell that is taken for data, in bytes.
const MAX_CELL: usize = 200;

/// The network as the files have it.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) airports: Vec<Airport>,
    pub(crate) routes: Vec<Route>,
    /// A checksum of both files.
    pub(crate) digest: String,
}

/// A route between two airports, each named by its place among [`Data::airports`].
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) origin: usize,
    pub(crate) destination: usize,
    pub(crate) flight: Flight,
}

/// What is wrong with a file, and where.
#[derive(Debug)]
pub(crate) struct DataError {
    file: PathBuf,
    line: Option<u64>,
    problem: String,
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for DataError {}

impl Data {
    /// Reads `airports.csv` and `flights-airport.csv` in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self, DataError> {
        let airports_file = File::read(folder.join("airports.csv"))?;
        let routes_file = File::read(folder.join("flights-airport.csv"))?;
        let digest = xxh3_64_with_seed(&routes_file.bytes, xxh3_64(&airports_file.bytes));
        let (mut airports, places) = airports(&airports_file)?;
        let routes = routes(&routes_file, &places)?;
        for route in &routes {
            for end in [route.origin, route.destination] {
                if let Some(airport) = airports.get_mut(end) {
                    airport.flights += u64::from(route.flight.count);
                }
            }
        }
        Ok(Self { airports, routes, digest: format!("{digest:016x}") })
    }
}

/// Where each code stands: its place among the airports, and its line.
type Places = HashMap<String, (usize, u64)>;

fn airports(file: &File) -> Result<(Vec<Airport>, Places), DataError> {
    let columns = ["iata", "name", "city", "state", "country", "latitude", "longitude"];
    let (mut airports, mut places) = (Vec::new(), Places::new());
    for row in file.rows(columns)? {
        let row = row?;
        let [iata, name, city, state, country, latitude, longitude] = row.cells()?;
        let iata = iata.code()?;
        match places.entry(iata.clone()) {
            Entry::Occupied(first) => {
                let (_, line) = first.get();
                return Err(row.error(format!("iata {iata:?} stands on line {line} already")));
            }
            Entry::Vacant(place) => place.insert((airports.len(), row.line)),
        };
        airports.push(Airport {
            iata,
            name: name.text()?,
            city: city.known_text()?,
            state: state.known_text()?,
            country: country.text()?,
            latitude: latitude.degrees(90.0)?,
            longitude: longitude.degrees(180.0)?,
            flights: 0,
        });
    }
    Ok((airports, places))
}

fn routes(file: &File, places: &Places) -> Result<Vec<Route>, DataError> {
    let mut routes = Vec::new();
    let mut lines = HashMap::new();
    for row in file.rows(["origin", "destination", "count"])? {
        let row = row?;
        let [origin, destination, count] = row.cells()?;
        let place = |cell: &Cell<'_>| {
            let code = cell.code()?;
            let unknown = || cell.error(&format!("{code:?} is no airport of airports.csv"));
            places.get(&code).map(|(place, _)| *place).ok_or_else(unknown)
        };
        let (origin, destination) = (place(&origin)?, place(&destination)?);
        // Two airports are joined by one route: a second count would be lost without a word.
        if let Some(line) = lines.insert((origin, destination), row.line) {
            return Err(row.error(format!("this route stands on line {line} already")));
        }
        routes.push(Route { origin, destination, flight: Flight { count: count.number()? } });
    }
    Ok(routes)
}

/// A CSV file in memory.
struct File {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl File {
    fn read(path: PathBuf) -> Result<Self, DataError> {
        #[expect(clippy::disallowed_methods, reason = "the data is no file of a database")]
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Self { path, bytes }),
            Err(error) => Err(DataError {
                file: path,
                line: None,
                problem: format!("cannot be read: {error}"),
            }),
        }
    }

    /// The rows, with the named columns wherever they stand.
    fn rows<const N: usize>(
        &self,
        columns: [&'static str; N],
    ) -> Result<impl Iterator<Item = Result<Row<'_, N>, DataError>>, DataError> {
        let mut reader = csv::Reader::from_reader(self.bytes.as_slice());
        let header = reader.headers().map_err(|error| self.malformed(&error))?.clone();
        let mut indexes = [0; N];
        for (index, column) in indexes.iter_mut().zip(columns) {
            let found = header.iter().position(|name| name.trim() == column);
            *index = found.ok_or_else(|| self.error(1, format!("no column {column:?}")))?;
        }
        Ok(reader.into_records().map(move |record| {
            let record = record.map_err(|error| self.malformed(&error))?;
            let line = self.line(record.position());
            Ok(Row { file: self, line, record, columns, indexes })
        }))
    }

    fn error(&self, line: u64, problem: String) -> DataError {
        DataError { file: self.path.clone(), line: Some(line), problem }
    }

    fn malformed(&self, error: &csv::Error) -> DataError {
        let problem = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("{len} cells, but the header has {expected_len}")
            }
            csv::ErrorKind::Utf8 { .. } => "a cell is not UTF-8".to_owned(),
            _ => error.to_string(),
        };
        self.error(self.line(error.position()), problem)
    }

    /// The line of a row, whose position is that of the empty lines before it.
    fn line(&self, position: Option<&csv::Position>) -> u64 {
        let Some(position) = position else {
            return 1;
        };
        let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
        let rest = self.bytes.get(start..).unwrap_or_default();
        let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        position.line() + empty.filter(|byte| **byte == b'\n').count() as u64
    }
}

struct Row<'a, const N: usize> {
    file: &'a File,
    line: u64,
    record: StringRecord,
    columns: [&'static str; N],
    indexes: [usize; N],
}

impl<const N: usize> Row<'_, N> {
    fn cells(&self) -> Result<[Cell<'_>; N], DataError> {
        let cells = std::array::from_fn(|place| Cell {
            file: self.file,
            line: self.line,
            column: self.columns[place],
            text: self.record.get(self.indexes[place]).unwrap_or_default().trim(),
        });
        match cells.iter().find(|cell| cell.text.len() > MAX_CELL) {
            Some(long) => {
                let length = long.text.len();
                let problem = format!("{} has {length} bytes, over {MAX_CELL}", long.column);
                Err(self.error(problem))
            }
            None => Ok(cells),
        }
    }

    fn error(&self, problem: String) -> DataError {
        self.file.error(self.line, problem)
    }
}

struct Cell<'a> {
    file: &'a File,
    line: u64,
    column: &'static str,
    text: &'a str,
}

impl Cell<'_> {
    fn error(&self, problem: &str) -> DataError {
        self.file.error(self.line, format!("{} {problem}", self.column))
    }

    fn text(&self) -> Result<String, DataError> {
        if self.text.is_empty() {
            return Err(self.error("is empty"));
        }
        Ok(self.text.to_owned())
    }

    /// Text, or `None` for the `NA` by which the data says that it does not know.
    fn known_text(&self) -> Result<Option<String>, DataError> {
        let text = self.text()?;
        Ok((text != "NA").then_some(text))
    }

    fn code(&self) -> Result<String, DataError> {
        let code = self.text()?;
        if !code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
            return Err(self.error(&format!("{code:?} is not made of capital letters and digits")));
        }
        Ok(code)
    }

    fn degrees(&self, limit: f64) -> Result<f64, DataError> {
        let degrees: f64 = self.number()?;
        // Holds for no NaN either.
        if !(-limit..=limit).contains(&degrees) {
            return Err(self.error(&format!("{degrees} is not between -{limit} and {limit}")));
        }
        Ok(degrees)
    }

    fn number<T: FromStr<Err: fmt::Display>>(&self) -> Result<T, DataError> {
        let text = self.text()?;
        text.parse().map_err(|error| self.error(&format!("{text:?} is no number: {error}")))
    }
}
