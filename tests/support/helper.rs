//! What the browser tests start as a process of its own, and what records the fixtures anew:
//!
//! ```text
//! helper hold BROWSER BASE OTHER                        holds a commit request and waits to be killed
//! helper die FOLDER BROWSER MAP URL EVENT COUNT [RUN]   a run that kills itself
//! helper serve SCRIPT FOLDER [framed]                   keeps a form of tests/portals running, with files that fit it
//! helper fixtures DIR [NAME...]                         records fixtures, into a folder where none of them is yet
//! ```

mod die;
mod fixtures;
mod hold;
mod serve;
#[path = "mod.rs"]
mod support;

fn main() -> std::process::ExitCode {
    if let Some(ended) = portal_agent::portal::network::inside::enter_if_asked() {
        return ended;
    }
    told();
    std::process::ExitCode::SUCCESS
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn told() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["hold", browser, base, other] => hold::hold(browser, base, other).await,
        ["die", folder, browser, map, base, event, count, run @ ..] => {
            die::die(folder.as_ref(), browser, map.as_ref(), base, event, count.parse().unwrap(), run).await;
        }
        ["serve", script, folder, framed @ ..] => {
            serve::serve(script.as_ref(), folder.as_ref(), framed.contains(&"framed")).await;
        }
        ["fixtures", folder, names @ ..] => fixtures::record_all(folder.as_ref(), names).await,
        _ => panic!("usage: helper hold|die|serve|fixtures …, see tests/support/helper.rs"),
    }
}
