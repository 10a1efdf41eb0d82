using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Formats.Plausibility;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;

namespace Portolan.Formats;

/// <summary>Recognises a foreign file by its content, never by its name, and reads it; what cannot be true is not believed, and what the release implies is added.</summary>
public static class FormatRecognition
{
    /// <summary>Reads a foreign file as a host snapshot.</summary>
    /// <param name="request">The file.</param>
    /// <param name="format">The format if the user named it; null to recognise it.</param>
    public static Reading<ImportedHost> Read(ImportRequest request, ForeignFormat? format = null)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Bytes.Length > JsonParser.LargestDocument)
        {
            return Reading.Refused<ImportedHost>(new InputFault(
                request.File, $"at most {JsonParser.LargestDocument >> 20} MiB", $"{request.Bytes.Length} bytes", "check that this is the right file"));
        }

        format ??= ForeignFormat.Recognise(request.Bytes.Span);
        if (format is null)
        {
            return Reading.Refused<ImportedHost>(Unrecognised(request));
        }

        if (request.Node is { } node && format.Hosts is null)
        {
            return Reading.Refused<ImportedHost>(new InputFault(request.File, "a file that lists nodes", $"{format.Name}, which tells of one host", $"leave --node {Printable.OneLine(node)} out"));
        }

        Reading<ImportedHost> read = format.Read(request);
        if (!read.Ok)
        {
            return read;
        }

        ImportedHost believed = PlausibleHost.Of(read.Value);
        HostSnapshot host = believed.Snapshot;
        return Reading.Of(believed with { Format = format, Snapshot = host.Capabilities is null ? Predictor.Complete(host) : host });
    }

    private static InputFault Unrecognised(ImportRequest request)
    {
        ForeignContent content = new(request.Bytes.Span);
        if (NoHost.Reason(content) is { } reason)
        {
            return new InputFault(request.File, "a file that tells of a host", reason.Found, reason.Advice) { ByteOffset = 0 };
        }

        return new InputFault(
            request.File,
            $"one of the formats {ForeignFormat.Names}",
            content.Text.IsEmpty ? "an empty file" : "none of them",
            "check the file, or name its format with --format to learn what is wrong in it")
        {
            ByteOffset = 0,
        };
    }
}
