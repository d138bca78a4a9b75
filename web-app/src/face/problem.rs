//! The problem that everyone of a rank works on together.

use std::rc::Rc;

use cmud::text::number;
use cmud::{ProblemState, Prompt, Rank};
use page::words::percent;
use yew::prelude::*;

use super::meter::Meter;

/// How many contributors are named.
const NAMED: usize = 4;

/// What [`Problem`] shows.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The rank of the player's character.
    pub rank: Rank,
    /// Its problem, once that is known.
    pub problem: Option<Rc<ProblemState>>,
    /// Whether the player is inside the problem.
    pub prompt: Prompt,
    /// Enters a line.
    pub enter: Callback<String>,
}

/// The flyer.
#[component]
pub fn Problem(props: &Props) -> Html {
    let enter = |line: &'static str| props.enter.reform(move |_: MouseEvent| line.to_owned());
    let body = match &props.problem {
        None if props.rank == Rank::Retired => {
            html! { <p>{ "None left. Tell stories at the fence." }</p> }
        }
        None => html! { <p class="small">{ "The noticeboard is being read…" }</p> },
        Some(problem) => html! {
            <>
                <div class="problem-head">
                    <p class="problem-title">{ problem.problem.title() }</p>
                    if props.prompt == Prompt::Problem {
                        <button onclick={enter("resign")}>{ "Resign" }</button>
                    }
                    <button onclick={enter("solve")}>{ "Solve" }</button>
                </div>
                <Meter label={problem.problem.title()} done={problem.done} total={problem.total} />
                <p class="small problem-count">
                    <span>{ format!("{} of {}", number(problem.done), number(problem.total)) }</span>
                    <span>{ format!("{} %", percent(problem.done, problem.total)) }</span>
                </p>
                { shares(problem) }
            </>
        },
    };
    html! {
        <section class="card problem" aria-labelledby="problem-title">
            <h2 id="problem-title">{ "The problem" }</h2>
            { body }
        </section>
    }
}

fn shares(problem: &ProblemState) -> Html {
    html! {
        if !problem.shares.is_empty() {
            <dl class="facts">
                { for problem.shares.iter().take(NAMED).map(|(name, work)| html! {
                    <><dt>{ name.as_str() }</dt><dd>{ number(*work) }</dd></>
                }) }
            </dl>
        }
    }
}
