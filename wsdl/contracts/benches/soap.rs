//! Reading and writing a `GetProfiles` answer and a metadata frame.
//!
//! `cargo bench -p onvif-contracts`

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use onvif_contracts::{ports, tds};
use onvif_xml::soap::{Fault, Message, Reply, envelope};
use onvif_xml::{Element, Limits, Writer, from_document, to_document};
use samples::{frame, profiles};

mod samples;

fn main() {
    divan::main();
}

fn write<T: Element + Sync>(bencher: Bencher<'_, '_>, value: &T) {
    let bytes = to_document(value).len();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let mut w = Writer::with_capacity(8192);
        black_box(value).write(&mut w, T::NS, T::NAME);
        envelope(&Reply::default(), w)
    });
}

fn read<T: Element + Sync>(bencher: Bencher<'_, '_>, value: &T) {
    let xml = to_document(value);
    bencher
        .counter(BytesCount::new(xml.len()))
        .bench(|| from_document::<T>(black_box(&xml), Limits::default()));
}

#[divan::bench]
fn write_get_profiles_response(bencher: Bencher<'_, '_>) {
    write(bencher, &profiles());
}

#[divan::bench]
fn read_get_profiles_response(bencher: Bencher<'_, '_>) {
    read(bencher, &profiles());
}

#[divan::bench]
fn write_metadata_frame_of_5_objects(bencher: Bencher<'_, '_>) {
    write(bencher, &frame());
}

#[divan::bench]
fn read_metadata_frame_of_5_objects(bencher: Bencher<'_, '_>) {
    read(bencher, &frame());
}

struct Host;
impl ports::device::Device for Host {
    fn get_hostname(&self, _: tds::GetHostname) -> Result<tds::GetHostnameResponse, Fault> {
        Ok(tds::GetHostnameResponse::default())
    }
}

/// A whole request: envelope in, dispatch, envelope out.
#[divan::bench]
fn answer_get_hostname(bencher: Bencher<'_, '_>) {
    let request = br#"<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><GetHostname xmlns="http://www.onvif.org/ver10/device/wsdl"/></s:Body></s:Envelope>"#;
    bencher.bench(|| -> Result<Vec<u8>, Fault> {
        let message = Message::parse(black_box(request), Limits::default())?;
        let op = onvif_contracts::port::find(
            &ports::device::OPERATIONS,
            message.body.ns,
            message.body.name,
        )
        .ok_or_else(|| Fault::action_not_supported(""))?;
        let (version, header) = (message.version, message.header);
        let body = ports::device::dispatch(&Host, op, message.body)?;
        Ok(envelope(
            &Reply::to_header(version, &header, op.response_action),
            body,
        ))
    });
}
