//! Reading and writing XML for the generated ONVIF types: namespaces, limits, primitive types.
