//! Status codes of RFC 2326 §7.1.1 that this server gives.

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal $reason:literal,)*) => {
        /// Status of an answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Status { $($(#[$doc])* $name,)* }

        impl Status {
            /// The number.
            pub(crate) fn code(self) -> u16 {
                match self { $(Status::$name => $code,)* }
            }

            /// The words after it.
            pub(crate) fn reason(self) -> &'static str {
                match self { $(Status::$name => $reason,)* }
            }
        }
    };
}

statuses! {
    Ok = 200 "OK",
    BadRequest = 400 "Bad Request",
    Unauthorized = 401 "Unauthorized",
    Forbidden = 403 "Forbidden",
    NotFound = 404 "Not Found",
    MethodNotAllowed = 405 "Method Not Allowed",
    NotAcceptable = 406 "Not Acceptable",
    RequestTimeout = 408 "Request Timeout",
    TooLarge = 413 "Request Entity Too Large",
    ParameterNotUnderstood = 451 "Parameter Not Understood",
    NotEnoughBandwidth = 453 "Not Enough Bandwidth",
    SessionNotFound = 454 "Session Not Found",
    NotValidInState = 455 "Method Not Valid in This State",
    AggregateNotAllowed = 459 "Aggregate Operation Not Allowed",
    UnsupportedTransport = 461 "Unsupported Transport",
    Internal = 500 "Internal Server Error",
    NotImplemented = 501 "Not Implemented",
    Unavailable = 503 "Service Unavailable",
    VersionNotSupported = 505 "RTSP Version Not Supported",
    OptionNotSupported = 551 "Option Not Supported",
}
