using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Requests;

/// <summary>
/// Kubernetes' label selector language: requirements joined by commas, each <c>key</c>, <c>!key</c>, <c>key=value</c>,
/// <c>key==value</c>, <c>key!=value</c>, <c>key in (a,b)</c> or <c>key notin (a,b)</c>. Only checked here; Kubernetes reads it.
/// </summary>
internal static class LabelSelector
{
    private const int Longest = 16 * 1024;

    /// <exception cref="DomainException">It does not follow the language; the message names the requirement.</exception>
    public static void Check(string field, string selector)
    {
        Fields.Text(field, selector, Longest);
        foreach (var requirement in Requirements(field, selector))
            if (!IsRequirement(requirement.Trim()))
                throw DomainException.InvalidField(field, $"'{KubernetesNames.Shown(requirement.Trim())}' is not a label requirement: expected key, !key, key=value, key!=value, key in (a,b) or key notin (a,b)");
    }

    // Commas inside brackets separate values, not requirements.
    private static IEnumerable<string> Requirements(string field, string selector)
    {
        var (start, inside) = (0, false);
        for (var i = 0; i < selector.Length; i++)
        {
            var c = selector[i];
            if (c is '(' or ')')
            {
                if (inside == (c == '('))
                    throw DomainException.InvalidField(field, $"bracket '{c}' at character {i + 1} has no partner");
                inside = c == '(';
            }
            else if (c == ',' && !inside)
            {
                yield return selector[start..i];
                start = i + 1;
            }
        }
        if (inside)
            throw DomainException.InvalidField(field, "bracket '(' has no partner");
        yield return selector[start..];
    }

    private static bool IsRequirement(ReadOnlySpan<char> text)
    {
        if (text.StartsWith("!"))
            return KubernetesNames.IsLabelKey(text[1..].Trim());
        if (text.EndsWith(")"))
            return IsSet(text);
        var equals = text.IndexOf('=');
        if (equals < 0)
            return KubernetesNames.IsLabelKey(text);
        var value = text[(equals + 1)..];
        var key = text[..equals];
        if (key.EndsWith("!"))
            key = key[..^1];
        else if (value.StartsWith("="))
            value = value[1..];
        return KubernetesNames.IsLabelKey(key.Trim()) && KubernetesNames.IsLabelValue(value.Trim());
    }

    private static bool IsSet(ReadOnlySpan<char> text)
    {
        var open = text.IndexOf('(');
        if (open < 0)
            return false;
        var head = text[..open].TrimEnd();
        var blank = head.LastIndexOfAny(' ', '\t');
        if (blank < 0 || head[(blank + 1)..] is not ("in" or "notin") || !KubernetesNames.IsLabelKey(head[..blank].Trim()))
            return false;
        var values = text[(open + 1)..^1];
        foreach (var part in values.Split(','))
            if (!KubernetesNames.IsLabelValue(values[part].Trim()))
                return false;
        return true;
    }
}
