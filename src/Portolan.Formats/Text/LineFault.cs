namespace Portolan.Formats.Text;

/// <summary>What is wrong with a line; the reader adds where it stands.</summary>
internal sealed record LineFault(string Expected, string Found, string Advice);
