//! Bytes and views: RTP, RTCP and the numbers of calls, without state. Internal to Talkpath.
