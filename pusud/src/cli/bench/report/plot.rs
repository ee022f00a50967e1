//! The plot of a sweep: latency above, throughput below, over the number of listeners, as an SVG file.
//!
//! plotters draws text in SVG without any font of the system; pictures made of pixels would need one, so there are none.

use super::figures::Figures;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (900, 900);
const MARGIN: u32 = 20;
const FONT: &str = "sans-serif";
/// Percentiles of the latency, with names and colours that are told apart also in grey.
const CURVES: [(f64, &str, RGBColor); 3] =
    [(50.0, "p50", RGBColor(0, 114, 178)), (99.0, "p99", RGBColor(230, 159, 0)), (99.9, "p99.9", RGBColor(213, 94, 0))];

/// Draws the runs, which are in the order of their listeners, into a file.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(runs: &[Figures], title: &str, file: &Path) -> anyhow::Result<()> {
    let mut svg = String::new();
    draw(runs, title, &mut svg).map_err(|error| anyhow::anyhow!("cannot draw the plot: {error}"))?;
    std::fs::write(file, svg).map_err(|error| anyhow::anyhow!("cannot write {}: {error}", file.display()))
}

type Drawn<'a, T> = Result<T, Box<dyn std::error::Error + 'a>>;

fn draw<'a>(runs: &[Figures], title: &str, svg: &'a mut String) -> Drawn<'a, ()> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let area = area.titled(title, (FONT, 18))?;
    let (above, below) = area.split_vertically(SIZE.1 / 2);
    let at = |run: &Figures| f64::from(run.plan.listeners);
    let latencies: Vec<Curve> = CURVES
        .iter()
        .map(|&(percent, name, color)| {
            let points = runs.iter().map(|run| (at(run), (run.latency.percentile(percent) as f64 / 1e6).max(1e-3)));
            Curve { name, color, points: points.collect() }
        })
        .collect();
    panel(&above, "latency, ms", &latencies)?;
    let points = runs.iter().map(|run| (at(run), run.deliveries_per_second().max(1.0))).collect();
    panel(&below, "deliveries a second", &[Curve { name: "deliveries/s", color: RGBColor(0, 158, 115), points }])?;
    area.present()?;
    drop((above, below, area));
    Ok(())
}

struct Curve {
    name: &'static str,
    color: RGBColor,
    points: Vec<(f64, f64)>,
}

/// Curves over logarithmic axes.
fn panel<'a>(area: &DrawingArea<SVGBackend<'a>, Shift>, what: &str, curves: &[Curve]) -> Drawn<'a, ()> {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let (x, y) = (bounds(points().map(|point| point.0)), bounds(points().map(|point| point.1)));
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())?;
    let label = |value: &f64| ((value * 1000.0).round() / 1000.0).to_string();
    chart
        .configure_mesh()
        .x_desc("listeners")
        .y_desc(what)
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .axis_desc_style((FONT, 15))
        .label_style((FONT, 13))
        .max_light_lines(1)
        .draw()?;
    for curve in curves {
        let color = curve.color;
        chart
            .draw_series(LineSeries::new(curve.points.iter().copied(), color.stroke_width(2)).point_size(4))?
            .label(curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)));
    }
    if curves.len() > 1 {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE)
            .border_style(BLACK)
            .label_font((FONT, 13))
            .draw()?;
    }
    Ok(())
}

/// The decades around the values, so that a single point has room as well.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    let (low, high) = (low.log10().floor(), high.log10().ceil());
    (10f64.powf(low), 10f64.powf(high.max(low + 1.0)))
}

#[cfg(test)]
mod tests {
    use super::super::figures::sample;
    use super::*;

    #[test]
    fn the_plot_shows_every_run() {
        let runs = [sample(10), sample(100), sample(1000)];
        let mut svg = String::new();
        draw(&runs, "a & b", &mut svg).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for part in ["listeners", "latency, ms", "deliveries a second", "p99.9", "a &amp; b"] {
            assert!(svg.contains(part), "{part} is missing");
        }
        assert_eq!(svg.matches("<circle").count(), runs.len() * (CURVES.len() + 1));
    }

    #[test]
    fn one_run_and_strange_figures_can_be_drawn() {
        let mut nothing = sample(1);
        (nothing.deliveries, nothing.latency) = (0, super::super::tally::Times::default());
        draw(&[nothing], "", &mut String::new()).unwrap();
    }

    #[test]
    fn bounds_are_decades() {
        assert_eq!(bounds([3.0, 250.0].into_iter()), (1.0, 1000.0));
        assert_eq!(bounds([100.0].into_iter()), (100.0, 1000.0));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let error = write(&[sample(1)], "", Path::new("/nowhere/plot.svg")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/plot.svg"), "{error}");
    }
}
