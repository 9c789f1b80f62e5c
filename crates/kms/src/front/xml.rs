//! Just enough XML to answer the Query protocol: elements and escaped text.

/// A document being written.
pub(crate) struct Xml(String);

impl Default for Xml {
    /// Large enough for any answer of ours: an answer may hold a secret, and a buffer that grows
    /// leaves copies behind.
    fn default() -> Self {
        Self(String::with_capacity(16_384))
    }
}

impl Xml {
    /// An element around what `inner` writes.
    pub(crate) fn element(&mut self, name: &'static str, inner: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(name, "").0.push('>');
        inner(self);
        self.close(name)
    }

    /// The outermost element, in the namespace of the API's version.
    pub(crate) fn root(
        mut self,
        name: &'static str,
        namespace: &'static str,
        inner: impl FnOnce(&mut Self),
    ) -> String {
        self.open(name, " xmlns=\"").0.push_str(namespace);
        self.0.push_str("\">");
        inner(&mut self);
        self.close(name);
        self.0.push('\n');
        self.0
    }

    /// An element with text.
    pub(crate) fn text(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.element(name, |xml| xml.escape(text))
    }

    fn open(&mut self, name: &'static str, more: &str) -> &mut Self {
        for part in ["<", name, more] {
            self.0.push_str(part);
        }
        self
    }

    fn close(&mut self, name: &'static str) -> &mut Self {
        for part in ["</", name, ">"] {
            self.0.push_str(part);
        }
        self
    }

    /// Text as XML 1.0 can carry it: markup escaped, characters that it does not have replaced.
    fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&apos;"),
                '\r' => self.0.push_str("&#13;"),
                '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                    self.0.push(character);
                }
                _ => self.0.push(char::REPLACEMENT_CHARACTER),
            }
        }
    }
}
