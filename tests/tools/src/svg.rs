//! Writes a picture as an SVG file. The picture has its own background: in a page, a browser gives it the theme of
//! the system, not that of GitHub.

/// The colours on a light page and on a dark one; `card` is the background.
const STYLE: &str = "
text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#1f2328}
.label{font-family:ui-monospace,monospace}.loud{font-weight:700}.note,text.axis{fill:#57606a}
.card{fill:#fff}.card,line{stroke:#d0d7de}.bar{fill:#bc4c00}.mark{fill:#0969da}.typed{fill:#8250df}.peer{fill:#8c959f}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.note,text.axis{fill:#9da7b3}.card{fill:#161b22}.card,line{stroke:#3d444d}
.bar{fill:#f0883e}.mark{fill:#58a6ff}.typed{fill:#d2a8ff}.peer{fill:#6e7681}
}
";

/// A picture whose elements are drawn in the order of the calls. Positions are pixels from the left and the top.
pub struct Svg {
    text: String,
}

impl Svg {
    /// The title is also drawn, in the upper 32 pixels.
    pub fn new(width: u32, height: u32, title: &str) -> Svg {
        let size = format!("width=\"{width}\" height=\"{height}\"");
        let name = "svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"";
        let text = format!("<{name} {size} viewBox=\"0 0 {width} {height}\">\n<title>");
        let text = text + &xml(title) + "</title>\n<style>" + STYLE + "</style>\n";
        let mut svg = Svg { text };
        let (width, height) = (f64::from(width) - 1.0, f64::from(height) - 1.0);
        svg.rect(0.5, 0.5, width, height, "card");
        svg.text(16.0, 26.0, "start", "loud", title);
        svg
    }

    /// `anchor` says what of the text is at `x`: its `start`, `middle` or `end`. `y` is the base line.
    pub fn text(&mut self, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
        let place = format!("x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"");
        self.text += &format!("<text class=\"{class}\" {place}>{}</text>\n", xml(text));
    }

    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, class: &str) {
        let size = format!("width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\"");
        self.text += &format!("<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" {size}/>\n");
    }

    pub fn line(&mut self, x1: f64, y1: f64, x2: f64, y2: f64, class: &str) {
        let ends = format!("x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"");
        self.text += &format!("<line class=\"{class}\" {ends}/>\n");
    }

    pub fn finish(self) -> String {
        self.text + "</svg>\n"
    }
}

/// A control character, which XML cannot have, is replaced.
fn xml(text: &str) -> String {
    let is_not_xml = |c: char| c.is_control() || c == '\u{fffe}' || c == '\u{ffff}';
    let text = text.replace(is_not_xml, "\u{fffd}").replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}
