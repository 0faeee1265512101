"""Clock, NTP servers and logs with a third-party client (onvif-python): what one side sets the others see."""

import json
from urllib.request import HTTPCookieProcessor, Request, build_opener

from onvif import ONVIFClient
from onvif.utils.exceptions import ONVIFOperationException

from common import HOST, arguments, check


class Web:
    """The web API with a session."""

    def __init__(self, args):
        self.opener = build_opener(HTTPCookieProcessor())
        self.base = f"http://{HOST}:{args.http}/api/v1"
        login = json.dumps({"username": args.user, "password": args.password}).encode()
        answer = self.opener.open(Request(f"{self.base}/session", login, {"Content-Type": "application/json"}))
        self.csrf = json.load(answer)["csrf"]

    def get(self, path):
        return json.load(self.opener.open(f"{self.base}/{path}"))

    def patch(self, key, value):
        revision = self.get(f"settings/{key}")["revision"]
        headers = {"Content-Type": "application/json", "If-Match": str(revision), "X-Platecam-CSRF": self.csrf}
        request = Request(f"{self.base}/settings/{key}", json.dumps(value).encode(), headers, method="PATCH")
        return json.load(self.opener.open(request))


def main():
    args = arguments()
    # HTTP Digest: a UsernameToken holds the client's time, which is far from the one set below.
    client = ONVIFClient(HOST, args.http, args.user, args.password, http_digest=True)
    device, web = client.devicemgmt(), Web(args)

    device.SetSystemDateAndTime(
        DateTimeType="Manual",
        DaylightSavings=True,
        TimeZone={"TZ": "EST5EDT,M3.2.0,M11.1.0"},
        UTCDateTime={
            "Time": {"Hour": 16, "Minute": 30, "Second": 0},
            "Date": {"Year": 2027, "Month": 7, "Day": 1},
        },
    )
    shown = web.get("time")
    check("the web shows the zone and the time that ONVIF set", shown["local"].startswith("2027-07-01T12:30"), shown)
    check("with DST", shown["dst_active"] and shown["posix"] == "EST5EDT,M3.2.0,M11.1.0", shown)

    web.patch("time", {"time_zone": "CET-1CEST,M3.5.0,M10.5.0/3", "dst_enabled": False, "dst_rule": "zone"})
    told = device.GetSystemDateAndTime()
    check("ONVIF tells the zone that the web set", told.TimeZone.TZ == "CET-1CEST,M3.5.0,M10.5.0/3", told)
    check("and that DST is off", not told.DaylightSavings and told.LocalDateTime.Time.Hour == 17, told)

    device.SetNTP(FromDHCP=False, NTPManual=[{"Type": "DNS", "DNSname": "ntp.example"}])
    check("the web shows the NTP server that ONVIF set", web.get("settings/time")["value"]["ntp_server"] == "ntp.example")
    try:
        device.SetSystemDateAndTime(DateTimeType="NTP", DaylightSavings=False, TimeZone={"TZ": "Mars/Olympus"})
        check("a zone that is none is refused", False)
    except ONVIFOperationException as error:
        check("a zone that is none is refused", "POSIX" in str(error) or "TimeZone" in str(error), error)

    log = device.GetSystemLog(LogType="System")
    text = log.String if hasattr(log, "String") else log.SystemLog.String
    check("the system log names who set the clock", "Clock set by hand" in text and "admin" in text, text)
    log = device.GetSystemLog(LogType="Access")
    text = log.String if hasattr(log, "String") else log.SystemLog.String
    check("the access log has the login of the web", "Logged in." in text and "save-config" not in text, text)


main()
