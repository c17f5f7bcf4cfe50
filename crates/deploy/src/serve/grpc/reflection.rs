//! Server reflection: clients such as grpcurl ask which services there are.

use std::sync::LazyLock;

use prost::Message;

use super::messages::{
    ErrorReply, FileDescriptors, FileNames, FileSet, Question, ReflectionRequest,
    ReflectionResponse, Reply, ServiceName, Services,
};

/// `proto/*.proto`, compiled.
const COMPILED: &[u8] = include_bytes!("../../../proto/open_inference.bin");

/// `google.rpc.Code.NOT_FOUND`
const NOT_FOUND: i32 = 5;
/// `google.rpc.Code.UNIMPLEMENTED`
const UNIMPLEMENTED: i32 = 12;

/// A described file: its bytes, and the names it declares.
struct File {
    bytes: Vec<u8>,
    names: FileNames,
}

static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let set = FileSet::decode(COMPILED).expect("checked by a test");
    let file = |bytes: Vec<u8>| File {
        names: FileNames::decode(&*bytes).expect("checked by a test"),
        bytes,
    };
    set.files.into_iter().map(file).collect()
});

impl File {
    /// Full names of its services.
    fn services(&self) -> impl Iterator<Item = String> {
        let package = &self.names.package;
        let services = self.names.services.iter();
        services.map(move |service| format!("{package}.{}", service.name))
    }

    /// Whether it declares a message, a service, or one of their members.
    fn declares(&self, symbol: &str) -> bool {
        let Some(symbol) = symbol.strip_prefix(self.names.package.as_str()) else {
            return false;
        };
        let Some(symbol) = symbol.strip_prefix('.') else {
            return false;
        };
        let (name, member) = symbol.split_once('.').unwrap_or((symbol, ""));
        let symbols = self.names.services.iter().chain(&self.names.messages);
        symbols.filter(|found| found.name == name).any(|found| {
            member.is_empty() || found.members.iter().any(|known| known.name == member)
        })
    }
}

/// Answers one question.
pub(super) fn answer(request: ReflectionRequest) -> ReflectionResponse {
    let reply = match &request.question {
        Some(Question::ListServices(_)) => Reply::Services(Services {
            services: FILES
                .iter()
                .flat_map(File::services)
                .map(|name| ServiceName { name })
                .collect(),
        }),
        Some(Question::FileByFilename(name)) => found(
            FILES.iter().find(|file| file.names.name == *name),
            &format!("there is no file {name}"),
        ),
        Some(Question::FileContainingSymbol(symbol)) => found(
            FILES.iter().find(|file| file.declares(symbol)),
            &format!("there is no symbol {symbol}"),
        ),
        None => Reply::Error(ErrorReply {
            code: UNIMPLEMENTED,
            message: "there are no extensions".to_owned(),
        }),
    };
    ReflectionResponse {
        valid_host: request.host.clone(),
        original_request: Some(request),
        reply: Some(reply),
    }
}

fn found(file: Option<&File>, otherwise: &str) -> Reply {
    match file {
        Some(file) => Reply::FileDescriptors(FileDescriptors {
            files: vec![file.bytes.clone()],
        }),
        None => Reply::Error(ErrorReply {
            code: NOT_FOUND,
            message: otherwise.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(question: Option<Question>) -> Reply {
        let request = ReflectionRequest {
            host: "h".to_owned(),
            question,
        };
        let response = answer(request.clone());
        assert_eq!(response.original_request, Some(request));
        response.reply.unwrap()
    }

    #[test]
    fn the_services_are_listed() {
        let Reply::Services(listed) = ask(Some(Question::ListServices(String::new()))) else {
            panic!("no list");
        };
        let names: Vec<&str> = listed.services.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(
            names,
            ["inference.GRPCInferenceService", "grpc.health.v1.Health"]
        );
    }

    #[test]
    fn files_are_found_by_name_and_symbol() {
        for question in [
            Question::FileByFilename("open_inference.proto".to_owned()),
            Question::FileContainingSymbol("inference.GRPCInferenceService".to_owned()),
            Question::FileContainingSymbol("inference.GRPCInferenceService.ModelInfer".to_owned()),
            Question::FileContainingSymbol("inference.ModelInferRequest".to_owned()),
            Question::FileContainingSymbol("grpc.health.v1.Health".to_owned()),
        ] {
            assert!(
                matches!(ask(Some(question.clone())), Reply::FileDescriptors(_)),
                "{question:?}"
            );
        }
    }

    #[test]
    fn what_does_not_exist_is_said() {
        for (question, code, message) in [
            (
                Some(Question::FileByFilename("x.proto".to_owned())),
                5,
                "there is no file x.proto",
            ),
            (
                Some(Question::FileContainingSymbol("inference.X".to_owned())),
                5,
                "there is no symbol inference.X",
            ),
            (None, 12, "there are no extensions"),
        ] {
            let message = message.to_owned();
            assert_eq!(ask(question), Reply::Error(ErrorReply { code, message }));
        }
    }
}
