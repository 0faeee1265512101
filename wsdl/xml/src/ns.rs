//! Namespaces that the device speaks: a small number for each, and the one prefix we write for it.

/// A namespace as a small number; unknown ones are all [`Ns::OTHER`], no namespace is [`Ns::NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ns(u8);

impl Ns {
    /// No namespace: unqualified attributes and elements.
    pub const NONE: Self = Self(0);
    /// A namespace outside the table.
    pub const OTHER: Self = Self(u8::MAX);

    /// The namespace with this URI; [`Ns::OTHER`] when it is not in the table.
    #[must_use]
    pub fn of(uri: &str) -> Self {
        if uri.is_empty() {
            return Self::NONE;
        }
        (1u8..)
            .zip(TABLE)
            .find(|(_, (_, u))| *u == uri)
            .map_or(Self::OTHER, |(i, _)| Self(i))
    }

    /// The namespace for which we write this prefix.
    #[must_use]
    pub fn of_prefix(prefix: &str) -> Option<Self> {
        (1u8..)
            .zip(TABLE)
            .find(|(_, (p, _))| *p == prefix)
            .map(|(i, _)| Self(i))
    }

    /// The prefix we write; empty for [`Ns::NONE`] and [`Ns::OTHER`].
    #[must_use]
    pub fn prefix(self) -> &'static str {
        self.row().map_or("", |r| r.0)
    }

    /// The namespace URI; empty for [`Ns::NONE`] and [`Ns::OTHER`].
    #[must_use]
    pub fn uri(self) -> &'static str {
        self.row().map_or("", |r| r.1)
    }

    /// Every namespace of the table, in its order.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..).zip(TABLE).map(|(i, _)| Self(i))
    }

    fn row(self) -> Option<&'static (&'static str, &'static str)> {
        TABLE.get(usize::from(self.0).wrapping_sub(1))
    }
}

/// A set of namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NsSet(u128);

impl NsSet {
    /// The set of no namespace.
    pub const EMPTY: Self = Self(0);

    /// Adds one; [`Ns::NONE`] and [`Ns::OTHER`] are never members.
    pub fn insert(&mut self, ns: Ns) {
        if (1..128).contains(&ns.0) {
            self.0 |= 1 << ns.0;
        }
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether `ns` is a member.
    #[must_use]
    pub fn contains(self, ns: Ns) -> bool {
        (1..128).contains(&ns.0) && self.0 & (1 << ns.0) != 0
    }

    /// Members in table order.
    pub fn iter(self) -> impl Iterator<Item = Ns> {
        Ns::all().filter(move |n| self.contains(*n))
    }
}

impl FromIterator<Ns> for NsSet {
    fn from_iter<I: IntoIterator<Item = Ns>>(iter: I) -> Self {
        let mut set = Self::EMPTY;
        for ns in iter {
            set.insert(ns);
        }
        set
    }
}

macro_rules! table {
    ($($name:ident $prefix:literal $uri:literal)*) => {
        table!(@number 1u8; $($name $prefix $uri)*);
        const TABLE: &[(&str, &str)] = &[$(($prefix, $uri)),*];
    };
    (@number $n:expr; $name:ident $prefix:literal $uri:literal $($rest:tt)*) => {
        #[doc = concat!("`", $uri, "`, written as `", $prefix, ":`.")]
        pub const $name: Ns = Ns($n);
        table!(@number $n + 1u8; $($rest)*);
    };
    (@number $n:expr;) => {};
}

table! {
    XML "xml" "http://www.w3.org/XML/1998/namespace"
    XS "xs" "http://www.w3.org/2001/XMLSchema"
    XSI "xsi" "http://www.w3.org/2001/XMLSchema-instance"
    SOAP12 "s" "http://www.w3.org/2003/05/soap-envelope"
    SOAP11 "s11" "http://schemas.xmlsoap.org/soap/envelope/"
    WSA "wsa" "http://www.w3.org/2005/08/addressing"
    WSA04 "a" "http://schemas.xmlsoap.org/ws/2004/08/addressing"
    WSSE "wsse" "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
    WSU "wsu" "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
    D "d" "http://schemas.xmlsoap.org/ws/2005/04/discovery"
    DN "dn" "http://www.onvif.org/ver10/network/wsdl"
    TER "ter" "http://www.onvif.org/ver10/error"
    TNS1 "tns1" "http://www.onvif.org/ver10/topics"
    WSNT "wsnt" "http://docs.oasis-open.org/wsn/b-2"
    WSNTW "wsntw" "http://docs.oasis-open.org/wsn/bw-2"
    WSTOP "wstop" "http://docs.oasis-open.org/wsn/t-1"
    WSRF_BF "wsrf_bf" "http://docs.oasis-open.org/wsrf/bf-2"
    WSRF_R "wsrf_r" "http://docs.oasis-open.org/wsrf/r-2"
    WSRF_RW "wsrf_rw" "http://docs.oasis-open.org/wsrf/rw-2"
    XOP "xop" "http://www.w3.org/2004/08/xop/include"
    XMIME "xmime" "http://www.w3.org/2005/05/xmlmime"
    TT "tt" "http://www.onvif.org/ver10/schema"
    TDS "tds" "http://www.onvif.org/ver10/device/wsdl"
    TRT "trt" "http://www.onvif.org/ver10/media/wsdl"
    TR2 "tr2" "http://www.onvif.org/ver20/media/wsdl"
    TEV "tev" "http://www.onvif.org/ver10/events/wsdl"
    TIMG "timg" "http://www.onvif.org/ver20/imaging/wsdl"
    TMD "tmd" "http://www.onvif.org/ver10/deviceIO/wsdl"
    TAN "tan" "http://www.onvif.org/ver20/analytics/wsdl"
    AXT "axt" "http://www.onvif.org/ver20/analytics"
    TRC "trc" "http://www.onvif.org/ver10/recording/wsdl"
    TSE "tse" "http://www.onvif.org/ver10/search/wsdl"
    TRP "trp" "http://www.onvif.org/ver10/replay/wsdl"
    TRV "trv" "http://www.onvif.org/ver10/receiver/wsdl"
    TAS "tas" "http://www.onvif.org/ver10/advancedsecurity/wsdl"
    TPV "tpv" "http://www.onvif.org/ver10/provisioning/wsdl"
    TPTZ "tptz" "http://www.onvif.org/ver20/ptz/wsdl"
    TSC "tsc" "http://www.onvif.org/ver10/schedule/wsdl"
    TCR "tcr" "http://www.onvif.org/ver10/credential/wsdl"
    TAR "tar" "http://www.onvif.org/ver10/accessrules/wsdl"
    TAC "tac" "http://www.onvif.org/ver10/accesscontrol/wsdl"
    TDC "tdc" "http://www.onvif.org/ver10/doorcontrol/wsdl"
    TUP "tup" "http://www.onvif.org/ver10/uplink/wsdl"
    PT "pt" "http://www.onvif.org/ver10/pacs"
    BD "bd" "http://www.onvif.org/ver20/analytics/humanbody"
    FC "fc" "http://www.onvif.org/ver20/analytics/humanface"
    TTR "ttr" "http://www.onvif.org/ver20/analytics/radiometry"
    TTH "tth" "http://www.onvif.org/ver10/thermal/wsdl"
    TAM "tam" "http://www.onvif.org/ver10/appmgmt/wsdl"
    TAB "tab" "http://www.onvif.org/ver10/authenticationbehavior/wsdl"
    TLS "tls" "http://www.onvif.org/ver10/display/wsdl"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_a_bijection_that_fits_the_set() {
        let all: Vec<Ns> = Ns::all().collect();
        assert!(all.len() < 127, "NsSet holds 127 namespaces");
        for ns in all {
            assert_eq!(Ns::of(ns.uri()), ns);
            assert_eq!(Ns::of_prefix(ns.prefix()), Some(ns));
        }
        assert_eq!(TT.prefix(), "tt");
        assert_eq!(Ns::of(""), Ns::NONE);
        assert_eq!(Ns::of("urn:x"), Ns::OTHER);
        assert_eq!(Ns::OTHER.uri(), "");
    }
}
