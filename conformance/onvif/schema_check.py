"""Answers of the running device against the schemas inside ONVIF's contracts."""

import time
import warnings

import requests
import xmlschema
from lxml import etree
from requests.auth import HTTPDigestAuth
from xmlschema.extras.wsdl import Wsdl11Document

from common import HOST, PATIENCE_S, arguments, check

warnings.simplefilter("ignore")
SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
BASE = "http://www.onvif.org/"
SUB = "<ProfileToken>profile_sub</ProfileToken>"
TOKEN = "<ConfigurationToken>encoder_main</ConfigurationToken>"
OF_SOURCE = "<ConfigurationToken>source_config_1</ConfigurationToken>"
SOURCE = "<VideoSourceToken>source_1</VideoSourceToken>"
SETUP = (
    '<StreamSetup><Stream xmlns="http://www.onvif.org/ver10/schema">RTP-Unicast</Stream>'
    '<Transport xmlns="http://www.onvif.org/ver10/schema"><Protocol>RTSP</Protocol></Transport></StreamSetup>'
)
# Contract, namespace, service address, operations with the content of their requests.
SERVICES = (
    ("ver10/device/wsdl/devicemgmt.wsdl", "ver10/device/wsdl", "device_service", {
        "GetSystemDateAndTime": "", "GetDeviceInformation": "", "GetScopes": "", "GetHostname": "", "GetDNS": "", "GetNTP": "",
        "GetNetworkInterfaces": "", "GetNetworkProtocols": "", "GetNetworkDefaultGateway": "", "GetUsers": "",
        "GetDiscoveryMode": "", "GetEndpointReference": "", "GetServiceCapabilities": "", "GetWsdlUrl": "",
        "GetCapabilities": "<Category>All</Category>", "GetServices": "<IncludeCapability>true</IncludeCapability>",
    }),
    ("ver10/media/wsdl/media.wsdl", "ver10/media/wsdl", "media_service", {
        "GetProfiles": "", "GetVideoSources": "", "GetVideoSourceConfigurations": "", "GetVideoEncoderConfigurations": "",
        "GetVideoEncoderConfigurationOptions": "", "GetMetadataConfigurations": "", "GetVideoAnalyticsConfigurations": "",
        "GetServiceCapabilities": "", "GetProfile": SUB, "GetSnapshotUri": SUB, "GetStreamUri": SETUP + SUB,
        "GetOSDs": "", "GetOSDOptions": OF_SOURCE, "GetMetadataConfigurationOptions": "",
    }),
    ("ver20/media/wsdl/media.wsdl", "ver20/media/wsdl", "media2_service", {
        "GetProfiles": "<Type>All</Type>", "GetVideoSourceConfigurations": "", "GetVideoEncoderConfigurations": "",
        "GetVideoEncoderConfigurationOptions": TOKEN, "GetVideoEncoderInstances": OF_SOURCE,
        "GetMetadataConfigurations": "", "GetAnalyticsConfigurations": "", "GetServiceCapabilities": "",
        "GetSnapshotUri": SUB, "GetStreamUri": "<Protocol>RTSP</Protocol>" + SUB,
        "GetOSDs": "", "GetOSDOptions": OF_SOURCE, "GetMasks": "", "GetMaskOptions": OF_SOURCE, "GetMetadataConfigurationOptions": "",
    }),
    ("ver20/imaging/wsdl/imaging.wsdl", "ver20/imaging/wsdl", "imaging_service", {
        "GetServiceCapabilities": "", "GetImagingSettings": SOURCE, "GetOptions": SOURCE, "GetMoveOptions": SOURCE, "GetStatus": SOURCE,
    }),
    ("ver10/events/wsdl/event.wsdl", "ver10/events/wsdl", "event_service", {
        "GetServiceCapabilities": "", "GetEventProperties": "", "CreatePullPointSubscription": "",
    }),
)


def call(args, path, namespace, operation, content):
    body = f'<s:Envelope xmlns:s="{SOAP[1:-1]}"><s:Body><{operation} xmlns="{BASE}{namespace}">{content}</{operation}></s:Body></s:Envelope>'
    url = path if path.startswith("http") else f"http://{HOST}:{args.http}/onvif/{path}"
    answer = requests.post(
        url, body, auth=HTTPDigestAuth(args.user, args.password), timeout=PATIENCE_S,
        headers={"Content-Type": "application/soap+xml; charset=utf-8"},
    )
    if answer.status_code != 200:
        check(operation, False, f"{answer.status_code} {answer.text}")
    content = etree.fromstring(answer.content).find(f"{SOAP}Body")[0]
    # On its own, with the prefixes that its ancestors declare.
    return etree.fromstring(etree.tostring(content))


def judge(schema, what, element):
    errors = [f"{e.path}: {e.reason}" for e in schema.iter_errors(element)]
    check(f"{what}: {element.tag.rsplit('}', 1)[-1]} obeys the schema", not errors, errors)


def main():
    args = arguments(contracts={"required": True, "help": "folder with ver10/ and ver20/"})
    for contract, namespace, path, operations in SERVICES:
        # ONVIF's schemas need version 1.1: an element and a wildcard compete for the same place.
        schema = Wsdl11Document(f"{args.contracts}/{contract}", cls=xmlschema.XMLSchema11).schema
        for operation, content in operations.items():
            element = call(args, path, namespace, operation, content)
            check(f"{operation} is answered by its response", element.tag == f"{{{BASE}{namespace}}}{operation}Response", element.tag)
            judge(schema, path, element)
        if path == "event_service":
            address = element.find(".//{http://www.w3.org/2005/08/addressing}Address").text
            events(args, schema, address, namespace)


def events(args, schema, address, namespace):
    """Messages of the pull point until a plate was among them."""
    end = time.monotonic() + 2 * PATIENCE_S
    while True:
        content = "<Timeout>PT20S</Timeout><MessageLimit>10</MessageLimit>"
        answer = call(args, address, namespace, "PullMessages", content)
        judge(schema, "event_service", answer)
        if b"LicensePlateInfo" in etree.tostring(answer):
            check("a plate was among the messages", True)
            return
        check("still time for a plate", time.monotonic() < end)


main()
