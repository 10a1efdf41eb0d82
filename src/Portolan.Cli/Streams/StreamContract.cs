using System.Text;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Formats;
using Portolan.Formats.LibvirtDomain;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;

namespace Portolan.Cli.Streams;

/// <summary>What a domain XML promises the guest in a stream.</summary>
internal static class StreamContract
{
    /// <summary>The contract of a domain whose CPU is said by the XML alone; the fault says why there is none.</summary>
    public static Reading<GuestContract> OfXml(string file, ReadOnlyMemory<byte> xml)
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

    /// <summary>The inputs with the contract of the save image's own XML, where none was given and that one says enough; else as they were.</summary>
    public static StreamCheckInputs WithSaveImage(Terminal terminal, StreamCheckInputs inputs, StreamInput input)
    {
        if (inputs.Guest is not null || input.File?.Image is not { } image)
        {
            return inputs;
        }

        Reading<GuestContract> promised = OfXml(input.Name, Encoding.UTF8.GetBytes(image.DomainXml));
        if (promised.Ok)
        {
            return inputs with { Guest = promised.Value, GuestFile = input.Name };
        }

        terminal.Say($"the save image's domain XML is no contract: {promised.Fault}");
        return inputs;
    }
}
