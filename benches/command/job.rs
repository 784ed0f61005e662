//! What a job is: data, that is all.

/// Something that is measured: what it is called, who takes part, and what it is to show.
pub struct Job {
    pub name: &'static str,
    pub title: String,
    /// How many runs of each contender at most; see [`SECONDS`](crate::rounds::SECONDS).
    pub rounds: usize,
    pub figures: Vec<Figure>,
    /// At least one of ours.
    pub contenders: Vec<Contender>,
}

/// One of the numbers that each run of a contender prints, as a line `name value`. Less is better.
pub struct Figure {
    pub name: &'static str,
    /// What it says, as in "CPU a task".
    pub title: String,
    pub unit: &'static str,
    /// How many of the unit the number 1 is.
    pub scale: f64,
    /// How many times as much as each way of that peer our best may be.
    pub limits: Vec<(Who, f64)>,
    /// What our best may be at most, whatever the peers are.
    pub most: Option<f64>,
}

impl Figure {
    /// A figure in which ours is to be ahead of the other runtimes.
    pub fn new(
        name: &'static str,
        title: impl Into<String>,
        unit: &'static str,
        scale: f64,
    ) -> Figure {
        let limits = [Who::Tokio, Who::Asyncio, Who::Node].map(|who| (who, 1.0));
        Figure {
            name,
            title: title.into(),
            unit,
            scale,
            limits: limits.to_vec(),
            most: None,
        }
    }

    /// With another limit against this peer.
    pub fn limit(mut self, who: Who, limit: f64) -> Figure {
        self.limits.retain(|(peer, _)| *peer != who);
        self.limits.push((who, limit));
        self
    }

    /// With no limit against anybody.
    pub fn unlimited(mut self) -> Figure {
        self.limits.clear();
        self
    }

    /// With this much as the limit of ours, whoever else takes part.
    pub fn most(mut self, most: f64) -> Figure {
        self.most = Some(most);
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Ours,
    Tokio,
    Asyncio,
    Node,
    C,
}

impl Who {
    pub const PEERS: [Who; 4] = [Who::Tokio, Who::Asyncio, Who::Node, Who::C];

    pub fn name(self) -> &'static str {
        match self {
            Who::Ours => "ours",
            Who::Tokio => "tokio",
            Who::Asyncio => "asyncio",
            Who::Node => "Node",
            Who::C => "C",
        }
    }
}

/// A program that does the job once, measures itself, and checks what it has done.
pub struct Contender {
    pub who: Who,
    /// In which of the ways that there are: "JoinSet".
    pub form: &'static str,
    /// The arguments, of which the first is the job or, for those that are no programs of this
    /// package, a file under `peers/`.
    pub arguments: String,
    /// Another program of this package than the one for `who`.
    pub program: Option<&'static str>,
    /// Whether this is started by the program `helper`, which is told the job and this command.
    pub helped: bool,
    /// Whether this runs at the same time as the job's others: right only for one that does nothing.
    pub together: bool,
    /// Another limit against this one than the figure's.
    pub limit: Option<f64>,
}

impl Contender {
    pub fn program(mut self, program: &'static str) -> Contender {
        self.program = Some(program);
        self
    }

    pub fn together(mut self) -> Contender {
        self.together = true;
        self
    }

    pub fn helped(mut self) -> Contender {
        self.helped = true;
        self
    }

    pub fn limit(mut self, limit: f64) -> Contender {
        self.limit = Some(limit);
        self
    }

    /// With no limit: ours may be slower than this one.
    pub fn unlimited(self) -> Contender {
        self.limit(f64::INFINITY)
    }
}

/// `arguments` begins with the job.
pub fn ours(form: &'static str, arguments: impl Into<String>) -> Contender {
    contender(Who::Ours, form, arguments)
}

/// `arguments` begins with the job.
pub fn tokio(form: &'static str, arguments: impl Into<String>) -> Contender {
    contender(Who::Tokio, form, arguments)
}

/// `arguments` begins with a file in `peers/python`.
pub fn asyncio(form: &'static str, arguments: impl Into<String>) -> Contender {
    contender(Who::Asyncio, form, arguments)
}

/// `arguments` begins with a file in `peers/node`.
pub fn node(form: &'static str, arguments: impl Into<String>) -> Contender {
    contender(Who::Node, form, arguments)
}

/// `arguments` begins with a file in `peers/c`.
pub fn c(form: &'static str, arguments: impl Into<String>) -> Contender {
    contender(Who::C, form, arguments)
}

fn contender(who: Who, form: &'static str, arguments: impl Into<String>) -> Contender {
    Contender {
        who,
        form,
        arguments: arguments.into(),
        program: None,
        helped: false,
        together: false,
        limit: None,
    }
}

/// The number with a space after the thousands.
pub fn spaced(n: usize) -> String {
    match n {
        0..1_000 => n.to_string(),
        _ => format!("{} {:03}", spaced(n / 1_000), n % 1_000),
    }
}
