//! SDP text, losslessly, and RFC 3264 negotiation as pure functions. Internal to Talkpath.
