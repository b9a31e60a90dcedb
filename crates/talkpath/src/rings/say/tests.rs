use std::sync::Arc;
use std::time::Duration;

use talkpath_audio::SampleRate;

use super::*;
use crate::driver::{Os, block_on::block_on};
use crate::wait::{Abandoned, Pending, pending};

fn ring(capacity: usize) -> (SayWriter, SayReader) {
    say_ring(capacity, None)
}

fn mark(writer: &mut SayWriter) -> Pending<Marked> {
    let (done, waited) = pending(Arc::new(Os::new()));
    writer.mark(done).unwrap();
    waited
}

#[test]
fn a_full_ring_takes_what_fits_and_says_how_much() {
    let (mut writer, mut reader) = ring(5);
    assert!(reader.is_empty());
    assert_eq!(writer.push(&[1, 2, 3]), Ok(3));
    assert_eq!(writer.push(&[4, 5, 6]), Ok(2));
    assert_eq!(writer.push(&[6]), Ok(0));
    assert_eq!((writer.len(), reader.len(), writer.room()), (5, 5, 0));
    let mut frame = [0; 3];
    assert_eq!((reader.pop(&mut frame), frame), (3, [1, 2, 3]));
    assert_eq!(writer.push(&[6]), Ok(1));
    assert_eq!((reader.pop(&mut frame), frame), (3, [4, 5, 6]));
    assert_eq!(reader.pop(&mut frame), 0);
}

#[test]
fn what_is_cleared_is_counted_and_its_room_is_free_at_once() {
    let (mut writer, mut reader) = ring(5);
    writer.push(&[1, 2, 3, 4, 5]).unwrap();
    let mut frame = [0; 2];
    assert_eq!(reader.pop(&mut frame), 2);
    assert_eq!(writer.clear(), 3);
    assert_eq!((writer.len(), writer.clear()), (0, 0));
    assert_eq!(writer.push(&[6, 7, 8, 9, 10]), Ok(5));
    assert_eq!((reader.pop(&mut frame), frame), (2, [6, 7]));
}

#[test]
fn a_mark_is_told_when_what_stands_before_it_was_said() {
    let (mut writer, mut reader) = ring(10);
    let first = mark(&mut writer);
    writer.push(&[1; 4]).unwrap();
    let second = mark(&mut writer);
    writer.push(&[2; 4]).unwrap();
    let third = mark(&mut writer);
    reader.report();
    assert!(first.is_ready() && !second.is_ready());
    reader.pop(&mut [0; 3]);
    reader.report();
    assert!(!second.is_ready());
    reader.pop(&mut [0; 2]);
    reader.report();
    assert_eq!(second.wait(), Ok(Marked::Said));
    assert_eq!(writer.clear(), 3);
    assert_eq!(third.wait(), Ok(Marked::Cleared));
    let last = mark(&mut writer);
    drop(reader);
    assert_eq!(last.wait(), Err(Abandoned));
    let (done, _) = pending(Arc::new(Os::new()));
    assert_eq!(writer.mark(done), Err(MarkError::Ended));
}

#[test]
fn marks_are_bounded() {
    let (mut writer, _reader) = ring(10);
    let marks: Vec<_> = (0..MARKS).map(|_| mark(&mut writer)).collect();
    let (done, _) = pending(Arc::new(Os::new()));
    let waiting = marks.len();
    assert_eq!(writer.mark(done), Err(MarkError::TooMany { waiting }));
}

#[test]
fn a_live_ring_is_shortened_unless_its_writer_waits() {
    let (hz, ms) = (SampleRate::HZ_8000, Duration::from_millis);
    for waits in [false, true] {
        let elastic = Elastic::new(hz, ms(0), ms(60));
        let (mut writer, mut reader) = say_ring(1600, Some(elastic));
        for _ in 0..100 {
            match waits {
                false => writer.push(&[100; 160]).unwrap(),
                true => {
                    let os = Os::new();
                    writer.push_until(&[100; 2000], &os, Time::ZERO).unwrap();
                    writer.shared.is_pressed_back.store(true, Ordering::Relaxed);
                    160
                }
            };
            if writer.len() < 800 && !waits {
                writer.push(&[100; 400]).unwrap();
            }
            assert_eq!(reader.pop(&mut [0; 160]), 160);
        }
        let (shortened, lengthened) = writer.scaled();
        assert_eq!(shortened == 0, waits, "{shortened}");
        assert_eq!(lengthened, 0);
    }
}

#[test]
fn the_first_words_wait_for_the_cushion_but_not_for_ever() {
    let (hz, ms) = (SampleRate::HZ_8000, Duration::from_millis);
    let cushioned = || say_ring(1600, Some(Elastic::new(hz, ms(20), ms(60))));
    let (mut writer, mut reader) = cushioned();
    assert!(!reader.has_words());
    writer.push(&[1; 160]).unwrap();
    assert!(!reader.has_words());
    writer.push(&[1; 160]).unwrap();
    assert!(reader.has_words());
    let (mut writer, mut reader) = cushioned();
    writer.push(&[1; 7]).unwrap();
    assert_eq!((0..9).filter(|_| reader.has_words()).count(), 4);
}

#[test]
fn each_side_notices_that_the_other_is_gone() {
    let (mut writer, reader) = ring(4);
    drop(reader);
    assert_eq!(writer.push(&[1]), Err(Closed));
    assert_eq!(block_on(writer.push_all(&[1])), Err(Closed));
    let (mut writer, mut reader) = ring(4);
    writer.push(&[1]).unwrap();
    drop(writer);
    assert!(reader.is_closed());
    assert_eq!(reader.pop(&mut [0; 4]), 1);
}

#[test]
fn a_writer_that_waits_for_room_is_let_go_by_the_end() {
    let (mut writer, reader) = ring(1);
    let os = Os::new();
    assert_eq!(writer.push_until(&[1, 2], &os, Time::ZERO), Ok(1));
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| writer.push_until(&[2], &os, Time::MAX));
        drop(reader);
        assert_eq!(waits.join().unwrap(), Err(Closed));
    });
}

#[test]
fn samples_cross_threads_in_order_blocked_or_awaited() {
    let samples: Vec<i16> = (0..4000).collect();
    for awaits in [false, true] {
        let (mut writer, mut reader) = ring(48);
        let mut heard = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for words in samples.chunks(77) {
                    if awaits {
                        block_on(writer.push_all(words)).unwrap();
                    } else {
                        writer.push_until(words, &Os::new(), Time::MAX).unwrap();
                    }
                }
            });
            while heard.len() < samples.len() {
                let mut frame = [0; 20];
                let popped = reader.pop(&mut frame);
                heard.extend_from_slice(&frame[..popped]);
                if popped == 0 {
                    std::thread::yield_now();
                }
            }
        });
        assert_eq!(heard, samples);
    }
}

/// While a writer writes and clears as it likes, each sample is said once or
/// counted as dropped, and none is torn or said twice.
#[test]
fn every_sample_is_said_or_counted_as_dropped() {
    const SAMPLES: usize = 30_000;
    let (mut writer, mut reader) = ring(64);
    let (mut said, mut last) = (0, 0);
    let dropped = std::thread::scope(|scope| {
        let writing = scope.spawn(move || {
            let (mut next, mut dropped) = (1, 0);
            while next <= SAMPLES {
                let words: Vec<i16> = (next..=SAMPLES).take(23).map(|n| n as i16).collect();
                next += writer.push(&words).unwrap();
                if next % 7 == 0 {
                    dropped += writer.clear();
                }
            }
            dropped
        });
        loop {
            let over = reader.is_closed();
            let mut frame = [0; 20];
            let popped = reader.pop(&mut frame);
            for sample in &frame[..popped] {
                assert!(*sample > last, "{sample} after {last}");
                last = *sample;
            }
            said += popped;
            if popped == 0 && over {
                break;
            }
        }
        writing.join().unwrap()
    });
    assert_eq!(said + dropped, SAMPLES);
}
