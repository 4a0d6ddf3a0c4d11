//! Counts and times in the text format that Prometheus reads.
//!
//! A daemon declares its families as statics, adds to them where things happen and renders them when it is asked. Labels say
//! what kind of thing it was (a route, a backend, a status), never whose: no user, tenant, address, term or number.

use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Series that a family may have. What comes after is counted under [`OTHER`].
const MOST_SERIES: usize = 1000;

/// The value of every label of the series that takes the rest.
const OTHER: &str = "other";

/// Upper ends of the classes of a [`Times`], in seconds.
const CLASSES: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Names and the meaning of a family.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
}

/// What is kept for one choice of the labels' values.
#[derive(Debug)]
struct One<T> {
    values: Vec<String>,
    kept: T,
}

/// What is kept for every choice, in the order of the values: adding to a known one allocates nothing.
#[derive(Debug)]
struct Series<T>(Mutex<Vec<One<T>>>);

impl<T: Default> Series<T> {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<One<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, values: &[&str], change: impl FnOnce(&mut T)) {
        let mut series = self.lock();
        let others;
        let mut values = values;
        let mut found = find(&series, values);
        if found.is_err() && series.len() >= MOST_SERIES {
            others = vec![OTHER; values.len()];
            values = &others;
            found = find(&series, values);
        }
        let place = found.unwrap_or_else(|place| {
            let values = values.iter().map(|&value| value.to_owned()).collect();
            let kept = T::default();
            series.insert(place, One { values, kept });
            place
        });
        change(&mut series[place].kept);
    }
}

/// Where the series of these values is, or belongs.
fn find<T>(series: &[One<T>], values: &[&str]) -> Result<usize, usize> {
    series.binary_search_by(|one| {
        one.values
            .iter()
            .map(String::as_str)
            .cmp(values.iter().copied())
    })
}

/// A family of counters.
#[derive(Debug)]
pub struct Counts {
    family: Family,
    series: Series<u64>,
}

impl Counts {
    /// Counters called `name` (ending in `_total`), told apart by `labels`.
    pub const fn new(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        let family = Family { name, help, labels };
        let series = Series::new();
        Self { family, series }
    }

    /// Counts one; `values` are those of the labels, in their order.
    pub fn add(&self, values: &[&str]) {
        self.series.change(values, |count| *count += 1);
    }

    /// Appends every counter to `text`.
    pub fn render(&self, text: &mut String) {
        head(text, self.family.name, self.family.help, "counter");
        for One { values, kept } in self.series.lock().iter() {
            let labels = labels(self.family.labels, values, None);
            line(text, self.family.name, "", &labels, &kept.to_string());
        }
    }
}

#[derive(Debug, Default)]
struct Histogram {
    classes: [u64; CLASSES.len()],
    count: u64,
    sum: f64,
}

/// A family of histograms of times.
#[derive(Debug)]
pub struct Times {
    family: Family,
    series: Series<Histogram>,
}

impl Times {
    /// Histograms called `name` (ending in `_seconds`), told apart by `labels`.
    pub const fn new(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        let family = Family { name, help, labels };
        let series = Series::new();
        Self { family, series }
    }

    /// Notes that something took `time`.
    pub fn add(&self, values: &[&str], time: Duration) {
        let seconds = time.as_secs_f64();
        self.series.change(values, |histogram| {
            histogram.count += 1;
            histogram.sum += seconds;
            for (class, end) in histogram.classes.iter_mut().zip(CLASSES) {
                *class += u64::from(seconds <= end);
            }
        });
    }

    /// Appends every histogram to `text`.
    pub fn render(&self, text: &mut String) {
        let Family { name, help, .. } = self.family;
        head(text, name, help, "histogram");
        for One {
            values,
            kept: histogram,
        } in self.series.lock().iter()
        {
            let of = |end: Option<&str>| labels(self.family.labels, values, end);
            for (count, end) in histogram.classes.iter().zip(CLASSES) {
                let labels = of(Some(&end.to_string()));
                line(text, name, "_bucket", &labels, &count.to_string());
            }
            let count = histogram.count.to_string();
            line(text, name, "_bucket", &of(Some("+Inf")), &count);
            line(text, name, "_sum", &of(None), &histogram.sum.to_string());
            line(text, name, "_count", &of(None), &count);
        }
    }
}

/// Appends a value that is read when it is asked for.
pub fn gauge(text: &mut String, name: &str, help: &str, value: impl std::fmt::Display) {
    head(text, name, help, "gauge");
    line(text, name, "", "", &value.to_string());
}

/// Appends values that are read when they are asked for, one for each value of a label.
pub fn gauges(
    text: &mut String,
    name: &str,
    help: &str,
    label: &str,
    values: impl IntoIterator<Item = (String, f64)>,
) {
    head(text, name, help, "gauge");
    for (labelled, value) in values {
        let labels = labels(&[label], &[labelled], None);
        line(text, name, "", &labels, &value.to_string());
    }
}

/// Appends a counter that something else keeps.
pub fn counter(text: &mut String, name: &str, help: &str, value: u64) {
    head(text, name, help, "counter");
    line(text, name, "", "", &value.to_string());
}

/// Appends counters that something else keeps, told apart by one label: its name and the values with their counts.
pub fn counters(
    text: &mut String,
    name: &str,
    help: &str,
    (label, counts): (&str, &[(&str, u64)]),
) {
    head(text, name, help, "counter");
    for (value, count) in counts {
        let labels = labels(&[label], &[(*value).to_owned()], None);
        line(text, name, "", &labels, &count.to_string());
    }
}

fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    // Writing into a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, name: &str, suffix: &str, labels: &str, value: &str) {
    let _ = writeln!(text, "{name}{suffix}{labels} {value}");
}

/// `{name="value",…}`, or nothing without labels.
fn labels(names: &[&str], values: &[String], end: Option<&str>) -> String {
    let own = names.iter().zip(values);
    let pairs = own.map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    let pairs: Vec<String> = pairs
        .chain(end.map(|end| format!("le=\"{end}\"")))
        .collect();
    if pairs.is_empty() {
        return String::new();
    }
    format!("{{{}}}", pairs.join(","))
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_rendered_by_label_with_their_meaning() {
        let counts = Counts::new("x_total", "Things.", &["kind", "status"]);
        counts.add(&["b", "200"]);
        counts.add(&["a\"\n", "404"]);
        counts.add(&["b", "200"]);
        let mut text = String::new();
        counts.render(&mut text);
        let wanted = "# HELP x_total Things.\n# TYPE x_total counter\n\
                      x_total{kind=\"a\\\"\\n\",status=\"404\"} 1\nx_total{kind=\"b\",status=\"200\"} 2\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn counters_kept_elsewhere_are_rendered_by_their_label() {
        let mut text = String::new();
        counters(
            &mut text,
            "x_total",
            "Things.",
            ("reason", &[("a", 1), ("b", 0)]),
        );
        let wanted = "# HELP x_total Things.\n# TYPE x_total counter\nx_total{reason=\"a\"} 1\nx_total{reason=\"b\"} 0\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn values_of_one_name_are_rendered_by_their_label() {
        let mut text = String::new();
        let values = [("a\"".to_owned(), 1.0), ("b".to_owned(), 0.5)];
        gauges(&mut text, "x", "Things.", "kind", values);
        let wanted = "# HELP x Things.\n# TYPE x gauge\nx{kind=\"a\\\"\"} 1\nx{kind=\"b\"} 0.5\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_time_is_in_every_class_that_it_does_not_exceed() {
        let times = Times::new("x_seconds", "Time.", &[]);
        times.add(&[], Duration::from_millis(200));
        times.add(&[], Duration::from_secs(60));
        let mut text = String::new();
        times.render(&mut text);
        for line in [
            "x_seconds_bucket{le=\"0.1\"} 0",
            "x_seconds_bucket{le=\"0.25\"} 1",
            "x_seconds_bucket{le=\"10\"} 1",
            "x_seconds_bucket{le=\"+Inf\"} 2",
            "x_seconds_sum 60.2",
            "x_seconds_count 2",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
        }
    }

    #[test]
    fn a_family_does_not_grow_without_end() {
        let counts = Counts::new("x_total", "Things.", &["kind"]);
        for number in 0..MOST_SERIES + 5 {
            counts.add(&[&number.to_string()]);
        }
        let mut text = String::new();
        counts.render(&mut text);
        assert_eq!(text.lines().count(), 2 + MOST_SERIES + 1);
        assert!(text.contains("x_total{kind=\"other\"} 5\n"), "{text}");
    }
}
