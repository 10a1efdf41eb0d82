using System.Text;

namespace Portolan.TableCompiler.Tables;

/// <summary>C# names from the names manuals use.</summary>
internal static class Identifier
{
    /// <summary><c>IA32_ARCH_CAPABILITIES</c> → <c>Ia32ArchCapabilities</c>, <c>load IA32_PAT</c> → <c>LoadIa32Pat</c>.</summary>
    public static string Of(string text)
    {
        StringBuilder name = new();
        bool start = true;
        foreach (char c in text)
        {
            if (char.IsAsciiLetterOrDigit(c))
            {
                name.Append(start ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c));
                start = false;
            }
            else
            {
                start = true;
            }
        }

        return name.ToString();
    }
}
