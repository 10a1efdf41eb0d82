using System.Text;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Formats;
using Portolan.Formats.LibvirtDomain;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Streams.Libvirt;
using Portolan.Streams.Sections;

namespace Portolan.Cli.Streams;

/// <summary>What the guest in a stream was promised, as far as that is known.</summary>
/// <param name="Contract">The contract; null where nobody said.</param>
/// <param name="Source">The file that says so, for faults.</param>
internal sealed record StreamPromise(GuestContract? Contract, string? Source)
{
    /// <summary>The contract of a document or of a domain XML; nothing where neither was given.</summary>
    public static Reading<StreamPromise> Read(Terminal terminal, string? guest, string? xml)
    {
        if (guest is not null)
        {
            Reading<GuestContract> contract = InputFile.Contract(terminal, guest);
            return contract.Ok ? Reading.Of(new StreamPromise(contract.Value, guest)) : Reading.Refused<StreamPromise>(contract.Fault);
        }

        if (xml is null)
        {
            return Reading.Of(new StreamPromise(null, null));
        }

        Reading<InputFile> file = InputFile.Read(terminal, xml);
        Reading<GuestContract> promised = file.Ok ? OfXml(xml, file.Value.Bytes) : Reading.Refused<GuestContract>(file.Fault);
        return promised.Ok ? Reading.Of(new StreamPromise(promised.Value, xml)) : Reading.Refused<StreamPromise>(promised.Fault);
    }

    /// <summary>This, or what the save image's own XML promises, where nothing was given and that says enough.</summary>
    public StreamPromise OrOf(Terminal terminal, string file, LibvirtSaveImage? image)
    {
        if (Contract is not null || image is null)
        {
            return this;
        }

        Reading<GuestContract> promised = OfXml(file, Encoding.UTF8.GetBytes(image.DomainXml));
        if (promised.Ok)
        {
            return new StreamPromise(promised.Value, file);
        }

        terminal.Say($"the save image's domain XML is no contract: {promised.Fault}");
        return this;
    }

    /// <summary>A machine type other than the stream's is another guest's contract.</summary>
    public InputFault? Contradiction(MigrationStream stream)
        => Contract?.MachineType is { } promised && stream.Configuration?.MachineType is { } saved && promised != saved
            ? new InputFault(Source!, $"the contract of the guest in the stream, machine type {saved}", $"machine type {promised}", "give the contract that this guest was started with") { JsonPath = "$.machineType" }
            : null;

    /// <summary>The contract of a domain whose CPU is said by the XML alone; the fault says why there is none.</summary>
    private static Reading<GuestContract> OfXml(string file, ReadOnlyMemory<byte> xml)
    {
        Reading<LibvirtDomainCpu> domain = LibvirtDomainReader.Read(new ImportRequest(file, xml));
        if (!domain.Ok)
        {
            return Reading.Refused<GuestContract>(domain.Fault);
        }

        GuestDefinitionAnswer answer = LibvirtDomainGuest.Define(domain.Value, null);
        return answer.Contract is { } contract
            ? Reading.Of(contract)
            : Reading.Refused<GuestContract>(new InputFault(
                file, "a CPU that the XML alone says", answer.Reason, "make the contract with 'portolan guest define --xml FILE --host SOURCE' and give it with --guest"));
    }
}
