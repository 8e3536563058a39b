using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Managed.AdminApi.Endpoints;

namespace Managed.AdminApi.Hosting;

/// <summary>
/// <c>managed sign-in</c>: whoever may read the data folder's token gets a new sign-in link from the node that runs on it, in a container
/// by
/// <c>docker compose exec managed managed sign-in</c> too.
/// </summary>
internal static class SignInCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <exception cref="StartException">No node runs there, or it does not answer.</exception>
    public static async Task<int> RunAsync(string dataDirectory, TextWriter output)
    {
        using var folder = DataFolder.OfRunningNode(dataDirectory);
        var (address, token) = (Read(folder.AddressFile), Read(folder.TokenFile));
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = Patience };
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(new Uri(address), $"{ApiRoutes.V1}/auth/sign-in-links"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        try
        {
            using var response = await http.SendAsync(request);
            if (response.StatusCode != HttpStatusCode.Created)
                throw new StartException($"the node at {address} answered {(int)response.StatusCode}");
            using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            await output.WriteLineAsync(answer.RootElement.GetProperty("url").GetString());
            return 0;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            throw new StartException($"the node at {address} does not answer: {e.Message}");
        }
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (FileNotFoundException)
        {
            throw new StartException($"{path} does not exist: the node has not started yet");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"cannot read {path}: {e.Message}");
        }
    }
}
