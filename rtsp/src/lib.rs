//! RTSP/RTP server library: serves anything that implements its traits.
