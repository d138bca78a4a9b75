//! The client protocol's frames.

use kvcommon::frame;

/// A message of queries, as a server gets it from a client. What is decoded says the same when it is
/// encoded again, and so does the refusal of what breaks a rule.
pub fn queries(message: &[u8]) {
    let mut again = Vec::new();
    let mut refusals = Vec::new();
    let mut items: Vec<_> = frame::queries(message).collect();
    let whole = drop_error(&mut items);
    let items: Vec<_> = items.into_iter().flatten().collect();
    for item in &items {
        match &item.query {
            Ok(query) => frame::encode_query(&mut again, item.id, query),
            Err(refusal) => {
                let answer = kvcommon::Answer::Refused(refusal.clone());
                frame::encode_answer(&mut refusals, item.id, &answer);
            }
        }
    }
    let decoded = frame::queries(&again).map(|item| item.expect("what was encoded is decoded"));
    let carried_out = items.iter().filter(|item| item.query.is_ok());
    assert!(decoded.eq(carried_out.cloned()));
    let refused = items.iter().filter(|item| item.query.is_err()).map(|item| item.id);
    assert!(refused.eq(frame::answers(&refusals).flatten().map(|item| item.id)));
    let mut begun = frame::queries(message);
    if begun.next().is_some_and(|item| item.is_ok()) {
        assert!(frame::queries(begun.rest()).eq(begun), "what is left can be taken up again");
    }
    // Numbers may be written with more bytes than they need, so it may become shorter.
    assert!(!whole || !refusals.is_empty() || again.len() <= message.len());
}

/// A message of answers, as a client gets it from a server.
pub fn answers(message: &[u8]) {
    let mut again = Vec::new();
    let mut items: Vec<_> = frame::answers(message).collect();
    let whole = drop_error(&mut items);
    let items: Vec<_> = items.into_iter().flatten().collect();
    for item in &items {
        frame::encode_answer(&mut again, item.id, &item.answer);
    }
    let decoded = frame::answers(&again).map(|item| item.expect("what was encoded is decoded"));
    assert!(decoded.eq(items));
    assert!(!whole || again.len() <= message.len());
}

/// Takes the error off the end, the only place where one may be; true if there was none.
fn drop_error<T>(items: &mut Vec<Result<T, frame::FrameError>>) -> bool {
    let failed = items.pop_if(|item| item.is_err()).is_some();
    assert!(items.iter().all(Result::is_ok), "nothing follows an error");
    !failed
}
