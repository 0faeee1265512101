//! Message content filters: ONVIF's ItemFilter dialect, a small subset of XPath (Core §11.6.3).

use super::topic::BadExpression;

/// The dialect's name.
pub const ITEM_FILTER: &str = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter";

/// Longest filter that is read, bytes.
const MAX_LENGTH: usize = 4096;
/// Deepest nesting of brackets.
const MAX_DEPTH: usize = 24;

/// A readable filter over the simple and element items of a message:
///
/// ```text
/// expr  ::= term (('and' | 'or') term)*          'and' binds tighter
/// term  ::= '(' expr ')' | 'not' '(' expr ')' | 'boolean' '(' path ')' | path
/// path  ::= '//' prefix? ('SimpleItem' | 'ElementItem') ('[' test ']')?
/// test  ::= ('@Name' | '@Value') '=' literal, joined like expr
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentFilter(Expr);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expr {
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    /// Some item of the kind passes the test.
    Some(Kind, Option<Test>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Simple,
    Element,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
    Not(Box<Test>),
    Name(String),
    Value(String),
}

/// What a filter looks at.
pub trait Items {
    /// Calls `see` with name and value of each simple item until it says `true`; whether it did.
    fn any_simple(&self, see: &mut dyn FnMut(&str, &str) -> bool) -> bool;
    /// Calls `see` with the name of each element item until it says `true`; whether it did.
    fn any_element(&self, see: &mut dyn FnMut(&str) -> bool) -> bool;
}

impl ContentFilter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse(text: &str) -> Result<Self, BadExpression> {
        if text.len() > MAX_LENGTH {
            return Err(BadExpression(format!(
                "content filter of {} bytes; at most {MAX_LENGTH}",
                text.len()
            )));
        }
        let mut p = Parser { text, at: 0 };
        let expr = p.expr(0)?;
        match p.next()? {
            None => Ok(Self(expr)),
            Some(t) => Err(p.unexpected(&t)),
        }
    }

    /// Whether a message passes.
    pub fn matches(&self, message: &impl Items) -> bool {
        self.0.holds(message)
    }
}

impl Expr {
    fn holds(&self, m: &impl Items) -> bool {
        match self {
            Self::And(a, b) => a.holds(m) && b.holds(m),
            Self::Or(a, b) => a.holds(m) || b.holds(m),
            Self::Not(e) => !e.holds(m),
            Self::Some(Kind::Simple, test) => m.any_simple(&mut |name, value| {
                test.as_ref().is_none_or(|t| t.holds(name, Some(value)))
            }),
            Self::Some(Kind::Element, test) => {
                m.any_element(&mut |name| test.as_ref().is_none_or(|t| t.holds(name, None)))
            }
        }
    }
}

impl Test {
    fn holds(&self, name: &str, value: Option<&str>) -> bool {
        match self {
            Self::And(a, b) => a.holds(name, value) && b.holds(name, value),
            Self::Or(a, b) => a.holds(name, value) || b.holds(name, value),
            Self::Not(t) => !t.holds(name, value),
            Self::Name(n) => n == name,
            Self::Value(v) => Some(v.as_str()) == value,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'a> {
    Sign(&'static str),
    Word(&'a str),
    Literal(&'a str),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn unexpected(&self, token: &Token<'_>) -> BadExpression {
        let what = match token {
            Token::Sign(s) => *s,
            Token::Word(s) | Token::Literal(s) => s,
        };
        BadExpression(format!("unexpected '{what}' before byte {}", self.at))
    }

    fn next(&mut self) -> Result<Option<Token<'a>>, BadExpression> {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at = self.text.len() - trimmed.len();
        for sign in ["//", "(", ")", "[", "]", "=", "@"] {
            if trimmed.starts_with(sign) {
                self.at += sign.len();
                return Ok(Some(Token::Sign(sign)));
            }
        }
        let Some(first) = trimmed.chars().next() else {
            return Ok(None);
        };
        if first == '"' || first == '\'' {
            let inner = &trimmed[1..];
            let end = inner
                .find(first)
                .ok_or_else(|| BadExpression(format!("the text at byte {} has no end", self.at)))?;
            self.at += end + 2;
            return Ok(Some(Token::Literal(&inner[..end])));
        }
        let end = trimmed
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')))
            .unwrap_or(trimmed.len());
        if end == 0 {
            return Err(BadExpression(format!(
                "'{first}' at byte {} is not part of a filter",
                self.at
            )));
        }
        self.at += end;
        Ok(Some(Token::Word(&trimmed[..end])))
    }

    fn peek(&mut self) -> Result<Option<Token<'a>>, BadExpression> {
        let at = self.at;
        let token = self.next();
        self.at = at;
        token
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), BadExpression> {
        match self.next()? {
            Some(Token::Sign(s)) if s == sign => Ok(()),
            Some(other) => Err(self.unexpected(&other)),
            None => Err(BadExpression(format!("ends where '{sign}' should be"))),
        }
    }

    fn takes(&mut self, token: &Token<'_>) -> Result<bool, BadExpression> {
        let found = self.peek()?.as_ref() == Some(token);
        if found {
            self.next()?;
        }
        Ok(found)
    }

    fn expr(&mut self, depth: usize) -> Result<Expr, BadExpression> {
        let mut left = self.all_of(depth)?;
        while self.takes(&Token::Word("or"))? {
            left = Expr::Or(Box::new(left), Box::new(self.all_of(depth)?));
        }
        Ok(left)
    }

    fn all_of(&mut self, depth: usize) -> Result<Expr, BadExpression> {
        let mut left = self.term(depth)?;
        while self.takes(&Token::Word("and"))? {
            left = Expr::And(Box::new(left), Box::new(self.term(depth)?));
        }
        Ok(left)
    }

    fn term(&mut self, depth: usize) -> Result<Expr, BadExpression> {
        deeper(depth)?;
        match self.next()? {
            Some(Token::Sign("(")) => {
                let inner = self.expr(depth + 1)?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Word("not")) => {
                self.expect("(")?;
                let inner = self.expr(depth + 1)?;
                self.expect(")")?;
                Ok(Expr::Not(Box::new(inner)))
            }
            Some(Token::Word("boolean")) => {
                self.expect("(")?;
                self.expect("//")?;
                let path = self.path(depth + 1)?;
                self.expect(")")?;
                Ok(path)
            }
            Some(Token::Sign("//")) => self.path(depth + 1),
            Some(other) => Err(self.unexpected(&other)),
            None => Err(BadExpression("ends where an item path should be".into())),
        }
    }

    /// What follows `//`.
    fn path(&mut self, depth: usize) -> Result<Expr, BadExpression> {
        let token = self.next()?;
        let word = match &token {
            Some(Token::Word(w)) => w.rsplit(':').next().unwrap_or(w),
            _ => "",
        };
        let kind = match (word, token) {
            ("SimpleItem", _) => Kind::Simple,
            ("ElementItem", _) => Kind::Element,
            (_, Some(other)) => return Err(self.unexpected(&other)),
            (_, None) => return Err(BadExpression("ends where an item should be".into())),
        };
        let mut test = None;
        if self.takes(&Token::Sign("["))? {
            test = Some(self.test(depth + 1)?);
            self.expect("]")?;
        }
        Ok(Expr::Some(kind, test))
    }

    fn test(&mut self, depth: usize) -> Result<Test, BadExpression> {
        let mut left = self.all_tests(depth)?;
        while self.takes(&Token::Word("or"))? {
            left = Test::Or(Box::new(left), Box::new(self.all_tests(depth)?));
        }
        Ok(left)
    }

    fn all_tests(&mut self, depth: usize) -> Result<Test, BadExpression> {
        let mut left = self.one_test(depth)?;
        while self.takes(&Token::Word("and"))? {
            left = Test::And(Box::new(left), Box::new(self.one_test(depth)?));
        }
        Ok(left)
    }

    fn one_test(&mut self, depth: usize) -> Result<Test, BadExpression> {
        deeper(depth)?;
        match self.next()? {
            Some(Token::Sign("(")) => {
                let inner = self.test(depth + 1)?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Word("not")) => {
                self.expect("(")?;
                let inner = self.test(depth + 1)?;
                self.expect(")")?;
                Ok(Test::Not(Box::new(inner)))
            }
            Some(Token::Sign("@")) => self.comparison(),
            Some(other) => Err(self.unexpected(&other)),
            None => Err(BadExpression("ends where '@Name' should be".into())),
        }
    }

    /// What follows `@`.
    fn comparison(&mut self) -> Result<Test, BadExpression> {
        let attribute = self.next()?;
        self.expect("=")?;
        match (attribute, self.next()?) {
            (Some(Token::Word("Name")), Some(Token::Literal(v))) => Ok(Test::Name(v.to_owned())),
            (Some(Token::Word("Value")), Some(Token::Literal(v))) => Ok(Test::Value(v.to_owned())),
            (Some(Token::Word("Name" | "Value")), Some(other)) => Err(self.unexpected(&other)),
            (Some(other), _) => Err(self.unexpected(&other)),
            (None, _) => Err(BadExpression("ends after '@'".into())),
        }
    }
}

fn deeper(depth: usize) -> Result<(), BadExpression> {
    if depth >= MAX_DEPTH {
        return Err(BadExpression(format!(
            "brackets nested deeper than {MAX_DEPTH}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Message;

    impl Items for Message {
        fn any_simple(&self, see: &mut dyn FnMut(&str, &str) -> bool) -> bool {
            [
                ("Source", "source_1"),
                ("Rule", "Plates"),
                ("State", "true"),
            ]
            .into_iter()
            .any(|(n, v)| see(n, v))
        }

        fn any_element(&self, see: &mut dyn FnMut(&str) -> bool) -> bool {
            see("BoundingBox")
        }
    }

    /// EVENT-3-1-38 and the grammar of Core §11.6.3.
    #[test]
    fn filters_look_at_items() {
        for (text, passes) in [
            // strict
            (
                r#"boolean(//tt:SimpleItem[@Name="State" and @Value="true"])"#,
                true,
            ),
            (
                r#"boolean(//tt:SimpleItem[@Name="State" and @Value="false"])"#,
                false,
            ),
            (
                r#"boolean(//tt:SimpleItem[@Name="Rule" and @Value="true"])"#,
                false,
            ),
            (r#"boolean(//tt:ElementItem[@Name="BoundingBox"])"#, true),
            (
                r#"boolean(//tt:ElementItem[@Name="LicensePlateInfo"])"#,
                false,
            ),
            (
                r#"boolean(//tt:SimpleItem[@Name="Source" and @Value="source_1"]) and boolean(//tt:SimpleItem[@Name="State" and @Value="true"])"#,
                true,
            ),
            (
                r#"not(boolean(//tt:SimpleItem[@Name="State" and @Value="true"]))"#,
                false,
            ),
            (
                r#"boolean(//tt:SimpleItem[@Name="x"]) or (boolean(//tt:SimpleItem[@Name="Rule"]))"#,
                true,
            ),
            // 'and' before 'or'
            (
                r#"boolean(//SimpleItem[@Name="Rule"]) or boolean(//SimpleItem[@Name="x"]) and boolean(//SimpleItem[@Name="y"])"#,
                true,
            ),
            // tolerated: no boolean(), single quotes, another prefix or none, no test, blanks
            ("//SimpleItem[@Name='Rule']", true),
            ("boolean ( // onvif:SimpleItem [ @Name = 'Rule' ] )", true),
            ("//SimpleItem", true),
            ("//SimpleItem[@Name='Rule' or not(@Value='x')]", true),
            (
                "//SimpleItem[(@Name='Rule' or @Name='x') and @Value='Plates']",
                true,
            ),
            ("//ElementItem[@Value='x']", false),
        ] {
            let f = ContentFilter::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(f.matches(&Message), passes, "{text}");
        }
    }

    /// EVENT-3-1-17: an unbalanced or foreign expression is refused.
    #[test]
    fn unreadable_filters_are_refused() {
        for text in [
            "",
            "boolean(//tt:SimpleItem[@Name=\"xyz\" and @Value=\"xyz\"]",
            "boolean(//tt:SimpleItem[@Name=\"xyz\" @Value=\"xyz\"])",
            "boolean(//tt:SimpleItem[@xyz=\"xyz\"])",
            "boolean(//tt:Data)",
            "xyz",
            "true()",
            "count(//tt:SimpleItem) > 1",
            "//SimpleItem[@Name='a]",
            "//SimpleItem[@Name=a]",
            "//SimpleItem]",
            "//SimpleItem and",
            "//SimpleItem //SimpleItem",
            "/SimpleItem",
            "//SimpleItem[1]",
        ] {
            assert!(ContentFilter::parse(text).is_err(), "{text}");
        }
        let deep = "(".repeat(100) + "//SimpleItem" + &")".repeat(100);
        assert!(
            ContentFilter::parse(&deep)
                .unwrap_err()
                .0
                .contains("deeper")
        );
        assert!(ContentFilter::parse(&"x".repeat(MAX_LENGTH + 1)).is_err());
        let flat = vec!["//SimpleItem[@Name='x']"; 150].join(" or ");
        assert!(!ContentFilter::parse(&flat).unwrap().matches(&Message));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in r#"([()\[\]@=/ "]|not|and|or|boolean|SimpleItem|Name|é){0,40}"#) {
            if let Ok(f) = ContentFilter::parse(&text) {
                f.matches(&Message);
            }
        }
    }
}
