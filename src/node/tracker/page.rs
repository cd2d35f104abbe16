//! The list of nodes as a page for people: one table, no script, nothing from elsewhere. What nodes
//! say of themselves is escaped.
//! Specified in poste-protocol(7), Tracker.

use crate::core::nodes::Listed;
use crate::core::time::age;

/// What a browser may do with the page: show it.
pub const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

/// The page.
pub fn page(name: &str, nodes: &[Listed]) -> String {
    let title = match name {
        "" => "Nodes of poste".to_owned(),
        name => format!("Nodes of poste, by {}", escaped(name)),
    };
    let rows: String = nodes.iter().map(row).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n\
         <p>These nodes have reported in the last ten minutes and were found where they say. \
         For programs: <a href=\"v1/nodes\">v1/nodes</a>.\n\
         <table>\n<tr><th>node<th>in use<th>reported<th>banned networks\n{rows}</table>\n"
    )
}

fn row(node: &Listed) -> String {
    let url = escaped(&node.url);
    format!(
        "<tr><td>{url}<td>{:.0} %<td>{} ago<td><a rel=\"noreferrer\" href=\"{url}/v1/banned\">list</a>\n",
        node.saturation * 100.0,
        age(node.age)
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_a_row_and_cannot_be_more() {
        let url = "https://a.example/'\"><script>&".to_owned();
        let node = Listed { url, key: [1; 32], saturation: 0.37, age: 120 };
        let page = page("<b>", &[node]);
        assert!(page.contains("<td>37 %<td>2m ago<td>"), "{page}");
        assert!(page.contains("/&#39;&quot;&gt;&lt;script&gt;&amp;<td>"), "{page}");
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
        assert_eq!(page.matches("<tr>").count(), 2);
    }
}
