"""The server's own description of its messages against the one inside the SDK, field by field (N-10, section N-U)."""

from collections.abc import Iterator

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor, ServiceDescriptor
from grpc_reflection.v1alpha import reflection_pb2
from tilebox.datasets.tilebox.v1 import id_pb2, query_pb2
from tilebox.workflows.workflows.v1 import (
    automation_pb2,
    core_pb2,
    diagram_pb2,
    job_pb2,
    storage_location_pb2,
    task_pb2,
    telemetry_pb2,
    worker_pb2,
    workflows_pb2,
)

from harness.server import Server

SDK_FILES: list[FileDescriptor] = [
    module.DESCRIPTOR
    for module in (
        id_pb2,
        query_pb2,
        core_pb2,
        job_pb2,
        task_pb2,
        diagram_pb2,
        automation_pb2,
        storage_location_pb2,
        telemetry_pb2,
        worker_pb2,
        workflows_pb2,
    )
]

# Served by worker processes, never by the server; nothing calls task releases (N-U).
SERVICES_NOT_SERVED = {"workflows.v1.WorkerService"}

# What the server has and this SDK has not: the older generation of the wire, which the Go SDK still speaks (N-U).
ADDED_FIELDS = {"workflows.v1.Job.task_summaries"}
ADDED_ENUM_VALUES = {"STORAGE_TYPE_S3", "STORAGE_TYPE_FS"}
ADDED_METHODS = {
    "workflows.v1.JobService.GetJobProgress",
    "workflows.v1.AutomationService.ListStorageLocations",
    "workflows.v1.AutomationService.GetStorageLocation",
    "workflows.v1.AutomationService.CreateStorageLocation",
    "workflows.v1.AutomationService.DeleteStorageLocation",
}


class Reflection:
    """A descriptor pool filled from the server's answers."""

    def __init__(self, url: str) -> None:
        self._channel = grpc.insecure_channel(url.removeprefix("http://"))
        self._method = next(
            method
            for version in ("v1", "v1alpha")
            if self._works(method := f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
        )
        self._files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
        self.pool = descriptor_pool.DescriptorPool()

    def services(self) -> set[str]:
        (answer,) = self._ask(self._method, reflection_pb2.ServerReflectionRequest(list_services=""))
        return {service.name for service in answer.list_services_response.service}

    def load(self, symbol: str) -> bool:
        """Make the file that defines `symbol` known; whether the server has it."""
        (answer,) = self._ask(self._method, reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol))
        if not answer.HasField("file_descriptor_response"):
            return False
        for encoded in answer.file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(encoded)
            self._files.setdefault(file.name, file)
        self._add(descriptor_pb2.FileDescriptorProto(name=self._file_of(symbol)).name)
        return True

    def _file_of(self, symbol: str) -> str:
        for name, file in self._files.items():
            prefix = f"{file.package}."
            defined = [one.name for one in (*file.message_type, *file.enum_type, *file.service)]
            if symbol.startswith(prefix) and symbol.removeprefix(prefix).split(".")[0] in defined:
                return name
        raise AssertionError(f"the answer for {symbol} does not define it")

    def _add(self, name: str) -> None:
        """Add a file to the pool, what it imports first."""
        try:
            self.pool.FindFileByName(name)
        except KeyError:
            if name not in self._files:
                request = reflection_pb2.ServerReflectionRequest(file_by_filename=name)
                (answer,) = self._ask(self._method, request)
                for encoded in answer.file_descriptor_response.file_descriptor_proto:
                    file = descriptor_pb2.FileDescriptorProto.FromString(encoded)
                    self._files.setdefault(file.name, file)
            for imported in self._files[name].dependency:
                self._add(imported)
            self.pool.Add(self._files[name])

    def _works(self, method: str) -> bool:
        try:
            list(self._ask(method, reflection_pb2.ServerReflectionRequest(list_services="")))
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise
            return False
        return True

    def _ask(self, method: str, request: reflection_pb2.ServerReflectionRequest) -> Iterator:
        # Both versions of the reflection service have the same messages.
        call = self._channel.stream_stream(
            method,
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        return call(iter([request]))


@pytest.fixture(scope="module")
def reflection(server: Server) -> Reflection:
    return Reflection(server.url)


def kind(field: FieldDescriptor) -> tuple[object, ...]:
    """Everything about a field that shows on the wire or in generated code."""
    named = field.message_type or field.enum_type
    return (field.name, field.type, named.full_name if named else None, field.is_repeated, field.has_presence)


def messages_of(file: FileDescriptor) -> Iterator[Descriptor]:
    pending = list(file.message_types_by_name.values())
    while pending:
        message = pending.pop()
        pending += message.nested_types
        yield message


def enums_of(file: FileDescriptor) -> Iterator[EnumDescriptor]:
    yield from file.enum_types_by_name.values()
    for message in messages_of(file):
        yield from message.enum_types


MESSAGES = [message for file in SDK_FILES for message in messages_of(file)]
ENUMS = [enum for file in SDK_FILES for enum in enums_of(file)]
SERVICES = [
    service
    for file in SDK_FILES
    for service in file.services_by_name.values()
    if service.full_name not in SERVICES_NOT_SERVED
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.full_name)
def test_n_10_message(reflection: Reflection, message: Descriptor) -> None:
    """N-10: every field has the number, name, type, cardinality and presence the SDK knows; additions are listed."""
    if not reflection.load(message.full_name):
        assert message.file.name == "workflows/v1/worker.proto", "the server does not know it"
        pytest.skip("a message of worker processes, which the server does not serve")
    served = reflection.pool.FindMessageTypeByName(message.full_name)
    expected = {field.number: kind(field) for field in message.fields}
    actual = {
        field.number: kind(field) for field in served.fields if f"{message.full_name}.{field.name}" not in ADDED_FIELDS
    }
    assert actual == expected
    oneofs = {one.name: sorted(f.number for f in one.fields) for one in message.oneofs if len(one.fields) > 1}
    served_oneofs = {one.name: sorted(f.number for f in one.fields) for one in served.oneofs if len(one.fields) > 1}
    assert served_oneofs == oneofs


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.full_name)
def test_n_10_enum(reflection: Reflection, enum: EnumDescriptor) -> None:
    """N-10: the same names for the same numbers; second names are listed."""
    assert reflection.load(enum.full_name)
    served = reflection.pool.FindEnumTypeByName(enum.full_name)
    actual = {value.name: value.number for value in served.values if value.name not in ADDED_ENUM_VALUES}
    assert actual == {value.name: value.number for value in enum.values}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.full_name)
def test_n_10_service(reflection: Reflection, service: ServiceDescriptor) -> None:
    """N-10: every method with its request and answer, and none beyond the listed ones of the older generation."""
    assert service.full_name in reflection.services()
    assert reflection.load(service.full_name)
    served = reflection.pool.FindServiceByName(service.full_name)

    def signature(method) -> tuple[str, str, bool, bool]:
        streams = (method.client_streaming, method.server_streaming)
        return (method.input_type.full_name, method.output_type.full_name, *streams)

    expected = {method.name: signature(method) for method in service.methods}
    actual = {method.name: signature(method) for method in served.methods if method.full_name not in ADDED_METHODS}
    assert actual == expected


@pytest.mark.parametrize("method", sorted(ADDED_METHODS))
def test_n_u_methods_of_the_older_generation(reflection: Reflection, method: str) -> None:
    """N-U: what the SDK no longer has, and older clients call."""
    service, _, name = method.rpartition(".")
    assert reflection.load(service)
    assert name in reflection.pool.FindServiceByName(service).methods_by_name


def test_n_u_old_task_summaries(reflection: Reflection) -> None:
    """N-U, J-55: field 9 of a job has the older layout, whatever the message is called here."""
    assert reflection.load("workflows.v1.Job")
    field = reflection.pool.FindMessageTypeByName("workflows.v1.Job").fields_by_number[9]
    assert field.is_repeated
    timestamp, id, state = "google.protobuf.Timestamp", "tilebox.v1.ID", "workflows.v1.TaskState"
    layout = {
        one.number: (one.message_type or one.enum_type).full_name if one.message_type or one.enum_type else "string"
        for one in field.message_type.fields
    }
    assert layout == {1: id, 2: "string", 3: state, 4: id, 6: timestamp, 7: timestamp}


def test_health_and_reflection_are_served(reflection: Reflection) -> None:
    """Design, surface: both are on."""
    assert "grpc.health.v1.Health" in reflection.services()
